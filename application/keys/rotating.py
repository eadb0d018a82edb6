"""Handing a key on to a new one: both sign that, and the log is the judge of which is in force.

The new private key is on disk before the intent is recorded, beside the old one, and takes its place only when the
event is in the log. So at every moment the key that the log says is in force is on disk, under one name or the other.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from application.host import Host
from application.procedures import carry_out
from domain.errors import KeyUnusable
from domain.events.codec import from_plain
from domain.events.key import KeyRole, KeyRotated
from domain.graph import OpenOperation
from domain.ledger.key_changes import ROLES, Statement


@dataclass(frozen=True, slots=True)
class NewKey:
    """The public half (32 bytes) of the key that is to take over."""

    role: KeyRole
    key: bytes


@dataclass(frozen=True, slots=True)
class RotateIntent:
    keys: tuple[NewKey, ...]


def rotate(host: Host, roles: Sequence[KeyRole]) -> None:
    """Hand the keys of these roles on to new ones. Raises KeyUnusable."""
    # The event key first: its own rotation is then the last thing that the old one signs.
    ordered = sorted(set(roles))
    for role in ROLES:
        host.keys.discard(role)  # what a crash left before its intent was recorded
    staged = tuple(NewKey(role, host.keys.stage(role)) for role in ordered)
    host.journal.step("new keys staged")
    carry_out(host, ROTATING, host.journal.begin(ROTATING.command, RotateIntent(staged)))


class _Rotating:
    command = "keys rotate"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        for new in from_plain(RotateIntent, operation.intent).keys:
            if host.journal.log.key_schedule().current(new.role) != new.key:
                host.journal.record(_rotated(host, new), operation=operation.id)
            host.keys.promote(new.role)
            host.journal.step(f"{new.role} key in its place")
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        said = []
        for new in from_plain(RotateIntent, operation.intent).keys:
            if host.journal.log.key_schedule().current(new.role) == new.key:
                host.keys.promote(new.role)
                said.append(f"the {new.role} key was rotated")
            else:
                host.keys.discard(new.role)
                said.append(f"the {new.role} key stays as it was")
        return ", ".join(said)


def _rotated(host: Host, new: NewKey) -> KeyRotated:
    if host.keys.staged(new.role) != new.key:
        raise KeyUnusable(f"the new {new.role} key is gone", hint="rotate again: nothing was changed")
    schedule = host.journal.log.key_schedule()
    old, root = schedule.current(new.role), schedule.genesis.root_key if schedule.genesis else None
    statement = Statement("rotate", host.journal.log.origin, host.graph.position, new.role, root or b"", old, new.key)
    signed = statement.signed_bytes()
    return KeyRotated(new.role, old, new.key, host.keys.sign(old, signed), host.keys.sign(new.key, signed))


ROTATING = _Rotating()
