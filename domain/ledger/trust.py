"""From a key that somebody brought along to the key that has to have signed a checkpoint.

Trust in a log key reaches forward: every later log key was handed on by it, or added by the root that the key itself
answered for when it came. It reaches back, too, because the checkpoint covers the whole log. Trust in a root key
reaches the log keys that it certified or added, and what those handed on. See docs/reference/log-format.md, "Keys".
"""

from domain.errors import BadInput, Tampered, Unchecked
from domain.ledger.checkpoint import Checkpoint, open_checkpoint, parse_checkpoint, parse_note
from domain.ledger.key_schedule import KeySchedule, KeySpan
from domain.ledger.keys import VerifierKey, Verify, root_key_name


def checkpoint_key(schedule: KeySchedule, trusted: VerifierKey, size: int) -> VerifierKey:
    """The log key that has to have signed the checkpoint of that size, by a log key or root key that is trusted.

    `schedule` has learnt the log's key events with their signatures checked. Raises Unchecked where the key is another
    log's, or was revoked; Tampered where this log does not follow from it; BadInput for a log without a first event.
    """
    genesis = schedule.genesis
    if genesis is None:
        raise BadInput("the log has no first event that names its keys")
    if trusted.name not in (genesis.origin, root_key_name(genesis.origin)):
        raise Unchecked(f"the trusted key is that of {trusted.name!r}, and the log is {genesis.origin!r}")
    schedule.require_certified()
    if trusted.name == genesis.origin:
        _require_among(schedule, trusted)
    elif trusted.public_key != genesis.root_key:
        raise Tampered(f"it names another root key than the trusted {trusted}")
    key = schedule.log_key(size)
    if key is None:
        raise BadInput(f"the log has no key for a checkpoint of {size} events")
    span = _span(schedule, key)
    limit = schedule.tainted(span) if span else None
    if limit is not None and size > limit:
        raise Unchecked(f"the checkpoint of {size} events is signed with a revoked log key", hint=_ENROL)
    return VerifierKey(genesis.origin, key)


def open_trusted(note: str, schedule: KeySchedule, trusted: VerifierKey, verify: Verify) -> Checkpoint:
    """A checkpoint of the log that the schedule is of. Raises as checkpoint_key and open_checkpoint do."""
    size = parse_checkpoint(parse_note(note).text).size
    return open_checkpoint(note, checkpoint_key(schedule, trusted, size), verify)


def open_earlier(note: str, schedule: KeySchedule, verify: Verify) -> Checkpoint:
    """A checkpoint taken at any time, signed with a log key that was in force at its size, and is not revoked there.

    Raises BadInput (malformed), Unchecked (it says nothing: another log's, another key's, a revoked key's).
    """
    claimed = parse_checkpoint(parse_note(note).text)
    origin = schedule.genesis.origin if schedule.genesis else ""
    problem = f"it is of the log {claimed.origin!r}" if claimed.origin != origin else "it is not signed by this log"
    for span in schedule.spans("log"):
        limit = schedule.tainted(span)
        in_force = span.first <= claimed.size and (span.last is None or claimed.size <= span.last)
        try:
            opened = open_checkpoint(note, VerifierKey(origin, span.key), verify)
        except Tampered:
            continue
        if in_force and (limit is None or opened.size <= limit):
            return opened
        problem = f"its key {span.key_id.hex()} was {'revoked' if in_force else 'not in force'} at {opened.size} events"
    raise Unchecked(problem)


def _require_among(schedule: KeySchedule, trusted: VerifierKey) -> None:
    span = _span(schedule, trusted.public_key)
    if span is None:
        raise Tampered(f"it names another log key than the trusted {trusted}")
    if schedule.tainted(span) is not None:
        raise Unchecked(f"the trusted key {span.key_id.hex()} was revoked: {span.reason}", hint=_ENROL)


def _span(schedule: KeySchedule, key: bytes) -> KeySpan | None:
    return next((span for span in schedule.spans("log") if span.key == key), None)


_ENROL = "verify with the root key, or with a verifier key that its owner hands you now"
