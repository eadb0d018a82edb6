"""What takes the offline root key: replacing a key that is lost, and revoking one that somebody else may have.

These are single appends and not operations with an intent: before a lost key is replaced nothing can be signed, and
the root key is not there to finish anything later. The new private key is on disk before, beside the old one, and
whichever the log then says is in force is the one that stays (`Keyring.settle`).
"""

from collections.abc import Sequence

from application.host import Host
from domain.errors import NotFound, Refused, Usage
from domain.events.base import Event
from domain.events.key import KeyAdded, KeyRevoked, KeyRole
from domain.ledger.key_changes import Statement
from domain.ledger.key_schedule import KeySchedule, KeySpan
from domain.ledger.keys import Signer


def enrol(host: Host, roles: Sequence[KeyRole], root: Signer) -> tuple[bytes, ...]:
    """Put new keys of these roles in force; their public halves. Raises Refused where `root` is not the log's root."""
    schedule = host.journal.log.key_schedule()
    _require_root(schedule, root)
    events = _enrolled(host, schedule, roles, root)
    host.journal.step("new keys staged")
    host.journal.record(*events)
    _promote(host, events)
    return tuple(event.key for event in events)


def revoke(host: Host, key: bytes, last_good: int, reason: str, root: Signer) -> tuple[KeyRevoked, tuple[bytes, ...]]:
    """Revoke a key (32 bytes) after position `last_good`; where it is in force, or the key in force comes from it,
    another one takes its place in the same append. Also gives the public halves of new keys.

    Raises NotFound for a key that is none of this log's, Refused where `root` is not the log's root, Usage.
    """
    schedule = host.journal.log.key_schedule()
    _require_root(schedule, root)
    span = next((each for role in ("log", "event") for each in schedule.spans(role) if each.key == key), None)
    if span is None:
        raise NotFound("this log never had that key", hint="'storectl keys list' shows those that it had")
    position = host.graph.position
    if not 0 <= last_good <= position:
        raise Usage(f"the log has {position} events: {last_good} cannot be the last good position")
    added = _enrolled(host, schedule, [span.role], root) if _tainted(schedule, span, last_good) else ()
    index, public = position + len(added), root.public_key
    statement = Statement(
        "revoke", host.journal.log.origin, index, span.role, public, key, b"", last_good, reason
    ).signed_bytes()
    revoked = KeyRevoked(span.role, key, last_good, reason, root.sign(statement))
    host.journal.step("new keys staged")
    host.journal.record(*added, revoked)
    _promote(host, added)
    return revoked, tuple(event.key for event in added)


def _tainted(schedule: KeySchedule, revoked: KeySpan, last_good: int) -> bool:
    """Whether the key in force could not be trusted after the revocation: itself, or handed on by it too late."""
    spans = {span.key: span for span in schedule.spans(revoked.role)}
    span: KeySpan | None = spans[schedule.current(revoked.role)]
    while span is not None and span.key != revoked.key:
        by = spans.get(span.handed_on_by or b"")
        if by is not None and by.key == revoked.key and span.since + 1 <= last_good:
            return False
        span = by
    return span is not None


def _enrolled(
    host: Host, schedule: KeySchedule, roles: Sequence[KeyRole], root: Signer
) -> tuple[KeyAdded, ...]:  # fmt: skip
    events = []
    # The event key first: it signs its own coming, and then the log key's.
    for index, role in enumerate(sorted(set(roles)), host.graph.position):
        key, old = host.keys.stage(role), schedule.current(role)
        statement = Statement("add", host.journal.log.origin, index, role, root.public_key, old, key).signed_bytes()
        events.append(KeyAdded(role, key, old, host.keys.sign(key, statement), root.sign(statement)))
    return tuple(events)


def _promote(host: Host, events: Sequence[Event]) -> None:
    for event in events:
        if isinstance(event, KeyAdded):
            host.keys.promote(event.role)
            host.journal.step(f"{event.role} key in its place")


def _require_root(schedule: KeySchedule, root: Signer) -> None:
    named = schedule.genesis.root_key if schedule.genesis else None
    if named is None:
        raise Refused(
            "this log has no root key: nobody could answer for the change", hint="'storectl init --root-key' names one"
        )
    if named != root.public_key:
        raise Refused("that is not the root key that the log's first event names", hint="'storectl keys list' shows it")
