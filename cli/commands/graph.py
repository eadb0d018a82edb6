"""`storectl graph`."""

import click

from adapters.graphviz import draw_svg
from cli.options import global_options
from cli.positions import graph_then
from cli.session import Session, pass_session
from projections.drawing import as_dot, as_mermaid, edges, nodes


@click.command("graph")
@click.option("--at", metavar="P", help="As it was at this position or time.")
@click.option(
    "--format", "form", type=click.Choice(["dot", "mermaid", "json", "svg"]), default="dot", show_default=True
)
@global_options
@pass_session
def command(session: Session, at: str | None, form: str) -> None:
    """The live reference graph: roots, what they hold, and the layers below.

    \b
    Example:
      storectl graph | dot -Tsvg > graph.svg
    """
    graph, now = graph_then(session, at)
    if form == "json" or session.out.json:
        session.out.answer(
            {
                "position": graph.position,
                "nodes": [{"id": n.id, "kind": n.kind, "name": n.name, "live": n.live} for n in nodes(graph, now)],
                "edges": [
                    {"from": e.source, "to": e.target, "kind": e.kind, "event": e.event} for e in edges(graph, now)
                ],
            }
        )
        return
    if form == "svg":
        session.out.line(draw_svg(session.runner, as_dot(graph, now)))
    else:
        session.out.line(as_dot(graph, now) if form == "dot" else as_mermaid(graph, now))
