"""`storectl why`."""

import click

from cli.options import global_options
from cli.positions import graph_then
from cli.session import Session, pass_session
from domain.values import ImageId, LayerId, short
from projections.paths import Node, Path, paths_to_deployment, paths_to_image, paths_to_layer
from projections.targets import find_target


@click.command("why")
@click.argument("target")
@click.option("--at", metavar="P", help="As it was at this position or time, from the log alone.")
@global_options
@pass_session
def command(session: Session, target: str, at: str | None) -> None:
    """Every path from a root to TARGET, an image or a layer: what keeps it, each step with the event that made it.

    \b
    Example:
      storectl why quay.io/o/app:1
    """
    graph, now = graph_then(session, at)
    found = find_target(graph, target)
    garbage_since: int | None = None
    if found.kind == "image":
        paths = paths_to_image(graph, ImageId(found.id), now)
        garbage_since = None if paths else graph.free_since(ImageId(found.id), now)[0]
    elif found.kind == "layer":
        paths = paths_to_layer(graph, LayerId(found.id), now)
        since = [graph.free_since(image, now)[0] or 0 for image in graph.layers[LayerId(found.id)].images]
        garbage_since = None if paths else max(since, default=0) or None
    else:
        paths = paths_to_deployment(graph, found.id)
    if session.out.json:
        session.out.answer(
            {
                "target": found.id, "kind": found.kind, "live": bool(paths),
                "paths": [[{"kind": n.kind, "id": n.id, "name": n.name, "event": n.event} for n in p] for p in paths],
                "garbage_since": garbage_since,
            }
        )  # fmt: skip
        return
    session.out.line(f"{found.kind} {found.id}")
    for path in paths:
        session.out.line("  " + _line(path))
    if not paths:
        since_words = f"since event {garbage_since}" if garbage_since else "since what held it ran out"
        session.out.line(f"  garbage {since_words}: nothing holds it")


def _line(path: Path) -> str:
    return " → ".join(_words(node) for node in path)


def _words(node: Node) -> str:
    identity = short(node.id) if node.kind in ("image", "layer", "deployment", "container") else node.id
    name = short(node.name) if node.kind == "layer" else node.name
    return f"{node.kind} {identity}{f' ({name})' if name and name not in (node.id, identity) else ''} [{node.event}]"
