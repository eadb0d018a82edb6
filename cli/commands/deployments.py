"""`storectl deployments`."""

import click

from cli.options import global_options
from cli.positions import graph_then
from cli.session import Session, pass_session
from cli.words import deployment_marks
from domain.values import short
from projections.tables import deployments


@click.command("deployments")
@click.option("--at", metavar="P", help="As it was at this position or time, from the log alone.")
@global_options
@pass_session
def command(session: Session, at: str | None) -> None:
    """List deployments in ostree's order, the default first, with the images that each binds.

    \b
    Example:
      storectl --json deployments
    """
    rows = session.deployment_rows() if at is None else deployments(graph_then(session, at)[0], {})
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("#", "DEPLOYMENT", "STATE", "BOUND IMAGES"),
        [(str(row["index"]), short(row["id"]), deployment_marks(row), str(len(row["bound_images"]))) for row in rows],
        right=(0, 3),
    )
    for row in rows:
        for bound in row["bound_images"]:
            session.out.line(f"  {row['index']}: {bound['name']}: {bound['image']} = {short(bound['image_id'])}")
