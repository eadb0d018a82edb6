"""`storectl keys rotate`."""

import click

from application.keys.rotating import rotate
from cli.key_rows import key_rows
from cli.options import global_options, wait_option
from cli.session import Session, pass_session
from domain.events.key import KeyRole
from domain.ports import RegistryOptions


@click.command("rotate")
@click.option("--role", "roles", type=click.Choice(["log", "event"]), multiple=True,
              help="Which key; may be repeated. [default: both]")  # fmt: skip
@wait_option
@global_options
@pass_session
def rotate_keys(session: Session, roles: tuple[KeyRole, ...], wait: float) -> None:
    """Hand the keys on to new ones. The old and the new key both sign that, and what was signed stays verifiable.

    New keys are encrypted where a passphrase is configured. Whoever verifies with an older verifier key goes on doing
    so: the log leads from it to the new one.

    \b
    Example:
      storectl keys rotate
    """
    with session.changing(wait, RegistryOptions()) as host:
        rotate(host, roles or ("log", "event"))
        rows = [row for row in key_rows(host.journal.log.key_schedule()) if row["state"] == "in use"]
    if session.out.json:
        session.out.answer(rows)
        return
    for row in rows:
        session.out.line(f"{row['role']:<6} {row['vkey']}")
