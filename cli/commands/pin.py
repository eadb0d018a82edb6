"""`storectl pin`."""

import click

from application.pinning import pin
from cli.options import global_options, wait_option
from cli.pin_targets import find_pin_target
from cli.session import Session, pass_session
from domain.errors import Usage
from domain.times import format_time, parse_until
from domain.values import short


@click.command("pin")
@click.argument("target")
@click.option("--until", metavar="TIME", help="Until then, or for so long ('7d'). [default: for ever]")
@click.option("--reason", default="", help="Why, for whoever asks later.")
@wait_option
@global_options
@pass_session
def command(session: Session, target: str, until: str | None, reason: str, wait: float) -> None:
    """Hold a deployment, an image or a layer, whatever else holds it. Again: changes the time and the reason.

    \b
    Example:
      storectl pin quay.io/o/app:1 --until 30d --reason "audit"
    """
    until_us = parse_until(until, session.now_us()) if until is not None else None
    if until_us is not None and until_us <= session.now_us():
        raise Usage(f"--until {until} is in the past", hint="a pin holds until then; 'storectl unpin' ends one")
    with session.changing(wait) as host:
        found = find_pin_target(host.graph, target, session.deployments_there())
        pin(host, found.kind, found.id, until_us=until_us, reason=reason)
    when = format_time(until_us) if until_us is not None else None
    if session.out.json:
        session.out.answer({"kind": found.kind, "target": found.id, "until": when, "reason": reason})
    else:
        session.out.line(f"{found.kind} {short(found.id)} is pinned {f'until {when}' if when else 'for ever'}")
