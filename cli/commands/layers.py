"""`storectl layers`."""

import click

from cli.options import global_options
from cli.output import size
from cli.positions import graph_then
from cli.session import Session, pass_session
from domain.values import short
from projections.tables import layers
from projections.targets import find_deployment


@click.command("layers")
@click.option("--deployment", help="Only layers of images that this deployment binds.")
@click.option("--unused", is_flag=True, help="Only what nothing holds.")
@click.option("--sort", type=click.Choice(["age", "size"]), default="age", show_default=True)
@click.option("--at", metavar="P", help="As it was at this position or time, from the log alone.")
@global_options
@pass_session
def command(session: Session, deployment: str | None, unused: bool, sort: str, at: str | None) -> None:
    """List the layers in the store, and the images that consist of them.

    \b
    Example:
      storectl layers --sort size
    """
    graph, now = graph_then(session, at)
    rows = layers(graph)
    if deployment is not None:
        node = find_deployment(graph, deployment, session.deployments_there())
        wanted = {
            layer for b in node.bindings.values() if b.image in graph.images for layer in graph.images[b.image].layers
        }
        rows = [row for row in rows if row["id"] in wanted]
    if unused:
        held = graph.held_layers(now)
        rows = [row for row in rows if row["id"] not in held]
    if sort == "size":
        rows.sort(key=lambda row: -row["bytes"])
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("LAYER", "DIFF-ID", "SIZE", "IMAGES"),
        [
            (
                short(row["id"]),
                short(row["diff_id"] or "-"),
                size(row["bytes"]),
                ", ".join(short(i) for i in row["images"]),
            )
            for row in rows
        ],
        right=(2,),
    )
