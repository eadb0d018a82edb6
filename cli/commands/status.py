"""`storectl status`."""

import click

from cli.anchors import anchoring, anchoring_words
from cli.drift import drift
from cli.options import global_options
from cli.output import many, size
from cli.recovery_proof import recovery, recovery_words
from cli.session import Session, pass_session
from cli.words import deployment_marks
from domain.values import short
from projections.tables import operation


@click.command("status")
@global_options
@pass_session
def command(session: Session) -> None:
    """Deployments with their bound images, the store, open operations, the log's head.

    What happened outside storectl since the last look is recorded; nothing else changes.

    \b
    Example:
      storectl status
    """
    session.notice()
    graph = session.graph()
    head = session.reader().head()
    rows = session.deployment_rows()
    open_operations = [operation(node) for node in graph.operations.values()]
    present = [node for node in graph.images.values() if node.present]
    document: dict[str, object] = {
        "store": graph.store, "origin": graph.origin, "sysroot": str(session.sysroot), "head": graph.position,
        "checkpoint": {"size": head.size, "root_hash": head.root_hash.hex(), "note": head.checkpoint},
        "deployments": rows, "images": len(present), "layers": len(graph.layers),
        "bytes": sum(layer.bytes for layer in graph.layers.values()), "open_operations": open_operations,
        "drift": drift(session), "recovery": recovery(session),
        "anchored": anchoring(session),
    }  # fmt: skip
    if session.out.json:
        session.out.answer(document)
        return
    out = session.out
    out.line(f"store    {graph.store} ({graph.origin})")
    out.line(f"sysroot  {session.sysroot}")
    out.line(f"log      {many(head.size, 'event')}, root hash {head.root_hash.hex()[:12]}")
    out.line(
        f"content  {many(len(present), 'image')}, {many(len(graph.layers), 'layer')}, "
        f"{size(int(str(document['bytes'])))}"
    )
    for row in rows:
        out.line(f"{row['index']:>3}  {short(row['id'])}  {deployment_marks(row)}")
        for bound in row["bound_images"]:
            out.line(f"       {bound['name']}: {bound['image']} = {short(bound['image_id'])}")
        for text in row["unresolved"]:
            out.line(f"       not in the store: {text}")
    for row in open_operations:
        out.line(f"open     {row['command']} since {row['since']} ('storectl resume' finishes it)")
    out.line(anchoring_words(anchoring(session)))
    for text in recovery_words(session):
        out.line(text)
    for text in document["drift"]:  # type: ignore[attr-defined]
        out.line(f"drift    {text}")
