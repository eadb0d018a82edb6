"""What is checked each time before a log may be continued: cheap, and enough to see that it is the one that was left.

The whole of it is checked by `verify` (application/audit/verifying.py).
"""

from pathlib import Path

from adapters.event_log.head import HeadRow
from adapters.event_log.high_water import LOST_MARK, Mark
from adapters.event_log.reader import LogReader
from adapters.event_log.signing import Signing
from domain.errors import BadInput, KeyUnusable, Tampered
from domain.ledger.checkpoint import open_checkpoint
from domain.ledger.key_changes import Role
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Signer, VerifierKey, Verify
from domain.ledger.merkle import Growing
from domain.ledger.record import body_hash, decode_body, decode_record, leaf_hash, pae

_VERIFY = "'storectl verify' tells what is wrong where; nothing was changed"
_LOST = (
    "it was put back from an older copy, or its -wal file was lost; restore its newest state, log.db with log.db-wal; "
    "nothing was changed"
)


def require_store_keys(reader: LogReader, schedule: KeySchedule, signing: Signing) -> None:
    """Raises KeyUnusable unless the keys, as far as they are at hand, are those in force in the log."""
    keys: tuple[tuple[Role, Signer | None], ...] = (("log", signing.log), ("event", signing.event))
    for role, key in keys:
        if key is not None and key.public_key != schedule.current(role):
            raise KeyUnusable(
                f"the {role} key is not this store's: the log {reader.path} says that another one is in force",
                hint="restore the keys that belong to this store, or replace them: 'storectl keys enrol'",
            )


def log_keys(schedule: KeySchedule, origin: str) -> list[VerifierKey]:
    """Every log key that there was, the newest first."""
    return [VerifierKey(origin, span.key) for span in reversed(schedule.spans("log"))]


def require_sound(reader: LogReader, head: HeadRow, schedule: KeySchedule, verify: Verify) -> None:
    """Raises Tampered unless the head is signed, and the last row is the one that it was made for."""
    try:
        schedule.require_certified()
        open_checkpoint(head.checkpoint, VerifierKey(head.origin, schedule.log_key(head.size) or b""), verify)
    except (BadInput, Tampered) as error:
        raise Tampered(f"the event log {reader.path}: {error.message}", hint=_VERIFY) from error
    # Another process may have appended since the head was read: only what the head claims is looked at, and a row
    # beyond it is wrong only where the head, read again, does not claim it either.
    last = reader.last_position()
    if last < head.size or last > reader.head_row().size:
        raise Tampered(f"the event log {reader.path} has {last} events, and its head says {head.size}", hint=_VERIFY)
    try:
        _require_last_event(reader, head, schedule, verify)
    except BadInput as error:
        raise Tampered(f"event {head.size} in {reader.path}: {error.message}", hint=_VERIFY) from error


def _require_last_event(reader: LogReader, head: HeadRow, schedule: KeySchedule, verify: Verify) -> None:
    for row in reader.rows(head.size, head.size):
        if type(row.record) is not bytes or leaf_hash(row.record) != row.leaf_hash:
            raise BadInput("its leaf hash is not that of its record")
        record = decode_record(row.record)
        body = decode_body(record.body)
        if head.size % 2 and row.leaf_hash != head.frontier.nodes[-1]:
            raise BadInput("it is not the tree's last leaf")
        if body_hash(record.body) != head.prev or body.time_us != head.time_us or body.origin != head.origin:
            raise BadInput("it is not the event that the head was made for")
        key = schedule.event_key(body.leaf_index, record.key_id)
        if key is None or not verify(key, record.signature, pae(record.body)):
            raise BadInput("its signature does not hold")
        return
    raise BadInput("it is missing")


def require_extends_mark(reader: LogReader, head: HeadRow, mark: Mark | None, mark_path: Path) -> None:
    """Raises Tampered unless the log is the one that the high-water mark was taken of, the same or longer."""
    if mark is None:
        raise Tampered(
            f"the high-water mark {mark_path} is missing: whether the log lost events cannot be told", hint=LOST_MARK
        )
    if head.size < mark.size:
        raise Tampered(
            f"the event log {reader.path} lost events: it has {head.size}, and {mark_path} says that there were "
            f"{mark.size}",
            hint=_LOST,
        )
    tree = Growing(mark.frontier)
    for row in reader.rows(mark.size + 1, head.size):
        if type(row.record) is bytes:
            tree.append(leaf_hash(row.record))
    if tree.size != head.size or tree.frontier() != head.frontier:
        raise Tampered(
            f"the event log {reader.path} does not continue the history that {mark_path} was taken of, at {mark.size} "
            "events",
            hint=_LOST,
        )
