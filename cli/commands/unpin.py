"""`storectl unpin`."""

import click

from application.pinning import unpin
from cli.options import global_options, wait_option
from cli.pin_targets import find_pin_target
from cli.session import Session, pass_session
from domain.values import short


@click.command("unpin")
@click.argument("target")
@wait_option
@global_options
@pass_session
def command(session: Session, target: str, wait: float) -> None:
    """Take a pin away.

    \b
    Example:
      storectl unpin quay.io/o/app:1
    """
    with session.changing(wait, frees=True) as host:
        found = find_pin_target(host.graph, target, session.deployments_there())
        unpin(host, found.kind, found.id)
    if session.out.json:
        session.out.answer({"kind": found.kind, "target": found.id, "pinned": False})
    else:
        session.out.line(f"{found.kind} {short(found.id)} is no longer pinned")
