"""The log's keys in their public form, and one of them by name."""

from domain.errors import Ambiguous, NotFound
from domain.ledger.key_schedule import KeySchedule, KeySpan
from domain.ledger.keys import VerifierKey, event_key_name, root_key_name
from projections.tables import Row

SIGNS = {"log": "checkpoints", "event": "events", "root": "changes of keys"}


def key_rows(schedule: KeySchedule) -> list[Row]:
    """Every key that the log ever had, role by role, the oldest first.

    `since` and `until` are positions: of the event that brought the key, and the last event (for log keys: the size of
    the last checkpoint) that it may sign. `last_good` is set where the key was revoked.
    """
    assert schedule.genesis is not None, "a log has a first event"
    rows = [_row(schedule, span) for role in ("log", "event") for span in schedule.spans(role)]
    if schedule.genesis.root_key is not None:
        key = VerifierKey(root_key_name(schedule.genesis.origin), schedule.genesis.root_key)
        rows.append(_document("root", key, 1, None, "offline", None, ""))
    return rows


def find_key(schedule: KeySchedule, text: str) -> KeySpan:
    """A log or event key by its id or its public key in hex (a prefix of 6 or more), or by its vkey.

    Raises NotFound, Ambiguous.
    """
    assert schedule.genesis is not None, "a log has a first event"
    found = [
        span
        for role in ("log", "event")
        for span in schedule.spans(role)
        if text == str(_vkey(schedule, span))
        or (len(text) >= 6 and text.lower() in (span.key_id.hex()[: len(text)], span.key.hex()[: len(text)]))
    ]
    if not found:
        raise NotFound(f"this log never had a key {text!r}", hint="'storectl keys list' shows those that it had")
    if len(found) > 1:
        raise Ambiguous(f"{text!r} means {len(found)} keys", hint="give more of it, or the whole vkey")
    return found[0]


def _row(schedule: KeySchedule, span: KeySpan) -> Row:
    state = "in use" if span.last is None else "rotated"
    replaced_by = next((each for each in schedule.spans(span.role) if each.since and each.first > span.first), None)
    if replaced_by is not None and replaced_by.handed_on_by is None:
        state = "replaced"
    if span.revoked is not None:
        state = "revoked"
    until = None if span.last is None else span.last + (span.role == "event")
    return _document(span.role, _vkey(schedule, span), span.since + 1, until, state, span.revoked, span.reason)


def _document(
    role: str, key: VerifierKey, since: int, until: int | None, state: str, last_good: int | None, reason: str
) -> Row:
    return {
        "role": role, "signs": SIGNS[role], "key": key.key_id.hex(), "public_key": key.public_key.hex(),
        "vkey": str(key), "since": since, "until": until, "state": state, "last_good": last_good, "reason": reason,
    }  # fmt: skip


def _vkey(schedule: KeySchedule, span: KeySpan) -> VerifierKey:
    origin = schedule.genesis.origin if schedule.genesis else ""
    return VerifierKey(origin if span.role == "log" else event_key_name(origin), span.key)
