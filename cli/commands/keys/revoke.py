"""`storectl keys revoke`."""

from pathlib import Path
from typing import Any

import click

from application.keys.root import revoke
from cli.key_rows import find_key, key_rows
from cli.options import global_options, wait_option
from cli.output import many
from cli.root_key import require_root, root_key_options
from cli.session import Session, pass_session
from domain.errors import KeyUnusable
from domain.ledger.key_changes import ROLES, Role
from domain.ledger.key_schedule import KeySchedule
from domain.ports import RegistryOptions


@click.command("revoke")
@click.argument("key")
@click.option(
    "--last-good",
    type=click.IntRange(min=0),
    metavar="P",
    help="The last position at which the key was surely only its owner's. [default: the log's last event]",
)
@click.option("--reason", required=True, help="Why: it stands in the log for ever.")
@root_key_options
@wait_option
@global_options
@pass_session
def revoke_key(
    session: Session, key: str, last_good: int | None, reason: str, root_key: Path | None,
    root_passphrase_file: Path | None, wait: float,
) -> None:  # fmt: skip
    """Say that what KEY signed after a position can be put down to nobody. KEY is an id of 'storectl keys list'.

    Where the key is in force, or the one in force was handed on by it after that position, a new one takes its place.
    'storectl verify' names the events that the revocation leaves to nobody, and does not call the log verified.

    \b
    Example:
      storectl keys revoke 1f2e3d4c --last-good 1200 --reason "disk lost" --root-key /mnt/safe/root.key
    """
    root = require_root(root_key, root_passphrase_file)
    schedule = session.reader().key_schedule()
    span = find_key(schedule, key)
    with session.host(wait, RegistryOptions(), lost=_unusable(session, schedule)) as host:
        last = host.graph.position if last_good is None else last_good
        _, new = revoke(host, span.key, last, reason, root)
        schedule = host.journal.log.key_schedule()
        left = schedule.unattributable(host.graph.position)
    rows = [row for row in key_rows(schedule) if row["key"] == span.key_id.hex() and row["role"] == span.role]
    document: dict[str, Any] = {
        **rows[0], "new_keys": [row for row in key_rows(schedule) if bytes.fromhex(row["public_key"]) in new],
        "unattributable": [{"first": each.first, "last": each.last, "key": each.key_id.hex()} for each in left],
    }  # fmt: skip
    if session.out.json:
        session.out.answer(document)
        return
    session.out.line(f"{span.role} key {span.key_id.hex()} is revoked, good up to event {last}")
    for row in document["new_keys"]:
        session.out.line(f"new    {row['vkey']}")
    for each in left:
        count = many(each.last - each.first + 1, "event")
        session.out.line(f"{count} can be put down to nobody: {each.first} to {each.last}")


def _unusable(session: Session, schedule: KeySchedule) -> list[Role]:
    """Keys that are not at hand: the one that is revoked may well be lost."""
    unusable: list[Role] = []
    for role in ROLES:
        try:
            session.keyring.signer(role, schedule)
        except KeyUnusable:
            unusable.append(role)
    return unusable
