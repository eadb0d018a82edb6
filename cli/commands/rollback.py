"""`storectl rollback`."""

import click

from application.rolling_back import roll_back
from cli.options import global_options, wait_option
from cli.session import Session, pass_session
from projections.targets import find_deployment


@click.command("rollback")
@click.option("--to", "to", metavar="DEPLOYMENT", help="Which deployment. [default: the one after the default]")
@wait_option
@global_options
@pass_session
def command(session: Session, to: str | None, wait: float) -> None:
    """Make the previous deployment the default again.

    First proves that every image which it binds is there; refuses (exit 4) with the list of what is missing. The
    order changes, nothing is deployed again; 'rollback' twice is back at the start.

    \b
    Example:
      storectl rollback
    """
    with session.changing(wait) as host:
        target = find_deployment(host.graph, to, session.deployments_there()).id if to is not None else None
        node = roll_back(host, target)
    if session.out.json:
        session.out.answer(session.deployment_row(node.id))
    else:
        session.out.line(f"{node.id} is the default now")
