"""`storectl keys enrol`."""

from pathlib import Path

import click

from application.keys.root import enrol
from cli.key_rows import key_rows
from cli.options import global_options, wait_option
from cli.root_key import require_root, root_key_options
from cli.session import Session, pass_session
from domain.events.key import KeyRole
from domain.ledger.key_changes import ROLES
from domain.ports import RegistryOptions


@click.command("enrol")
@click.option("--role", "roles", type=click.Choice(["log", "event"]), multiple=True,
              help="Replace this key, whatever its file is like. [default: those whose file is gone]")  # fmt: skip
@root_key_options
@wait_option
@global_options
@pass_session
def enrol_keys(
    session: Session, roles: tuple[KeyRole, ...], root_key: Path | None, root_passphrase_file: Path | None, wait: float
) -> None:
    """Put new keys in the place of lost ones, on the word of the offline root key. Where nothing is lost, do nothing.

    \b
    Example:
      storectl keys enrol --root-key /mnt/safe/root.key
    """
    root = require_root(root_key, root_passphrase_file)
    schedule = session.reader().key_schedule()
    lost = roles or tuple(role for role in ROLES if session.keyring.lost(role, schedule))
    with session.host(wait, RegistryOptions(), lost=lost) as host:
        if lost:
            enrol(host, lost, root)
    if not lost and not session.out.json:
        session.out.note("both keys are here: nothing was changed")
    rows = [row for row in key_rows(session.reader().key_schedule()) if row["until"] is None and row["role"] in lost]
    if session.out.json:
        session.out.answer(rows)
    for row in rows if not session.out.json else ():
        session.out.line(f"{row['role']:<6} {row['vkey']}")
