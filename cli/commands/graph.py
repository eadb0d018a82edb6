"""`storectl graph`."""

import click

from adapters.graphviz import draw_svg
from cli.graph_page import as_html
from cli.options import global_options
from cli.positions import graph_then
from cli.session import Session, pass_session
from projections.drawing import as_dot, as_mermaid, edges, nodes


@click.command("graph")
@click.option("--at", metavar="P", help="As it was at this position or time.")
@click.option(
    "--format", "form", type=click.Choice(["dot", "mermaid", "json", "svg", "html"]), default="dot", show_default=True
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
    if form in ("svg", "html"):
        svg = draw_svg(session.runner, as_dot(graph, now))
        page = as_html(graph, list(nodes(graph, now)), list(edges(graph, now)), svg) if form == "html" else svg
        session.out.line(page)
    else:
        session.out.line(as_dot(graph, now) if form == "dot" else as_mermaid(graph, now))
