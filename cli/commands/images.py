"""`storectl images`."""

import click

from cli.events import pruned_rows
from cli.options import global_options
from cli.output import size
from cli.positions import graph_then
from cli.session import Session, pass_session
from domain.references import best_name
from domain.values import short
from projections.tables import images
from projections.targets import find_deployment


@click.command("images")
@click.option("--deployment", help="Only what this deployment binds.")
@click.option("--unused", is_flag=True, help="Only what nothing holds.")
@click.option("--all", "everything", is_flag=True, help="Also those that were pruned, from the log.")
@click.option("--sort", type=click.Choice(["age", "size"]), default="age", show_default=True)
@click.option("--at", metavar="P", help="As it was at this position or time, from the log alone.")
@global_options
@pass_session
def command(
    session: Session, deployment: str | None, unused: bool, everything: bool, sort: str, at: str | None
) -> None:
    """List the images in the store, and what uses them.

    \b
    Example:
      storectl images --unused --sort size
    """
    graph, now = graph_then(session, at)
    rows = images(graph, now)
    if deployment is not None:
        node = find_deployment(graph, deployment, session.deployments_there())
        bound = {binding.image for binding in node.bindings.values()}
        rows = [row for row in rows if row["id"] in bound]
    if unused:
        held = graph.held_images(now)
        rows = [row for row in rows if row["id"] not in held]
    if everything:
        rows = pruned_rows(session) + rows
    if sort == "size":
        rows.sort(key=lambda row: -int(str(row["bytes"])))
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("IMAGE", "NAMES", "SIZE", "LAYERS", "STATE", "USED BY"),
        [
            (
                short(str(row["id"])), best_name(row["names"]) or "<none>", size(row["bytes"]), str(len(row["layers"])),
                row["state"], ", ".join(_used_by(word) for word in row["used_by"]) or "-",
            )
            for row in rows
        ],
        right=(2, 3),
    )  # fmt: skip


def _used_by(word: str) -> str:
    kind, _, owner = word.partition(":")
    return f"{kind} {short(owner)}"
