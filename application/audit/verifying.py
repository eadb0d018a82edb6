"""Verifying a log: every byte of it, against a key that did not come out of it.

What has to hold for each event, in order: its encoding is the canonical one, its index dense, `prev` the hash of the
body before, its stream's versions dense, its time later than the last; the columns say what the bytes say, and the leaf
hash is theirs; a key that the log itself allows at that index signed it. Then the tree's root, the head row, and the
checkpoint, which a log key has to have signed that the trusted key leads to (domain.ledger.trust). Trust enters at
that one place only: the checkpoint covers the root, the root covers the first event and every change of keys, and those
say which keys the events are signed with.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from application.audit.signature_checks import BATCH, SignatureChecks
from application.audit.verdict import MAX_FINDINGS, Verdict, Verdicts
from application.audit.walk import Walk
from domain.errors import BadInput, StoreError, Tampered, Unchecked
from domain.ledger.checkpoint import open_checkpoint, parse_checkpoint, parse_note
from domain.ledger.keys import VerifierKey, Verify
from domain.ledger.raw import RawHead, RawLog, RawSource
from domain.ledger.trust import checkpoint_key, open_earlier
from domain.ledger.verified import VerifiedState

Progress = Callable[[int, int], None]
"""(events done, events in all)."""


@dataclass(frozen=True, slots=True)
class Trust:
    """What verification starts from. Without a key the log is checked against itself, and never `verified`.

    `key` is a log key of this log, of any time, or its root key. `event_key` (32 bytes) is compared with what the log
    says, where the store's own key file is at hand. `against` are signed checkpoint notes seen earlier: the log has to
    extend each. `start` is what an earlier verification by the same verifier came to: what it covers is not read again.
    `quorum` tells whether a checkpoint has the cosignatures that are wanted: the head's, or one of `against`, has to.
    """

    key: VerifierKey | None
    event_key: bytes | None = None
    against: Sequence[str] = ()
    start: VerifiedState | None = None
    quorum: Callable[[str], bool] | None = None


def verify_log(
    source: RawSource, trust: Trust, verify: Verify, *, signatures: bool = True, progress: Progress | None = None
) -> Verdict:
    """Read the log once, from one snapshot. Memory grows with the number of streams, not of events.

    Without `signatures` the events' own are not checked, only the checkpoint's. Raises what the source raises where the
    log cannot be read at all; BadInput for an `against` that is not a checkpoint.
    """
    start = trust.start
    sizes = {parse_checkpoint(parse_note(note).text).size for note in trust.against}
    with source.snapshot(start.size if start else 0) as log, SignatureChecks(verify) as checks:
        walk = Walk(verify, checks if signatures else None, sizes, start)
        _walk_rows(walk, log, progress)
        checks.finish()
        _check_head(walk, log.head, trust, verify)
        note = log.head.checkpoint if log.head else None
    _check_event_key(walk, trust.event_key)
    extended = [note for note in trust.against if _check_extends(walk, note, trust, verify)]
    witnessed = _check_witnessed(walk, trust, [*extended, *([note] if isinstance(note, str) else [])])
    for range_ in walk.schedule.unattributable(walk.last_position):
        walk.doubt(
            range_.first,
            f"not attributable to anybody, up to event {range_.last}: signed with the revoked key "
            f"{range_.key_id.hex()} ({range_.reason})",
        )
    if trust.key is None:
        walk.doubt(None, "no trusted key: the log was checked against itself only")
    found = [*walk.findings, *checks.findings]
    verdict: Verdicts = "tampered" if found else "unchecked" if walk.doubts else "verified"
    # In the log's order: what cannot be read at a position may be why something further on does not hold.
    told = sorted(dict.fromkeys([*found, *walk.doubts]), key=lambda f: (f.position is None, f.position or 0))
    frontier = walk.tree.frontier()
    state = None
    if verdict == "verified" and signatures and walk.origin and walk.prev and isinstance(note, str):
        state = VerifiedState(walk.origin, note, frontier, walk.prev, walk.time_us, tuple(walk.key_events))
    return Verdict(
        verdict, walk.rows, frontier.root().hex(), tuple(told[:MAX_FINDINGS]),
        checks.checked, tuple(_left_out(walk, trust, signatures, witnessed)), state,
    )  # fmt: skip


def _left_out(walk: Walk, trust: Trust, signatures: bool, witnessed: int | None) -> list[str]:
    """What this verification does not look at, in words."""
    left = []
    if not signatures:
        left.append("the events' own signatures")
    if trust.start:
        left.append(f"events 1 to {trust.start.size}, which this verifier verified before, were not read again")
        left.append(f"whether streams that began before event {trust.start.size + 1} go on with the right version")
    if not trust.against and not trust.start:
        left.append("whether the log was put back to an older state: no earlier checkpoint was given")
    if witnessed is not None and witnessed < walk.last_position:
        left.append(
            f"events {witnessed + 1} to {walk.last_position} are in no checkpoint with the cosignatures wanted yet"
        )
    return left


def _check_witnessed(walk: Walk, trust: Trust, notes: Sequence[str]) -> int | None:
    """The size of the largest checkpoint that the quorum cosigned; None where no quorum is wanted."""
    if trust.quorum is None:
        return None
    sizes = [parse_checkpoint(parse_note(note).text).size for note in notes if trust.quorum(note)]
    if not sizes:
        walk.doubt(None, "no checkpoint of this log has the cosignatures that the policy wants")
    return max(sizes, default=0)


def _walk_rows(walk: Walk, log: RawLog, progress: Progress | None) -> None:
    total = log.head.size if log.head and type(log.head.size) is int else 0
    for row in log.rows:
        walk.row(row)
        if progress and not walk.rows % BATCH:
            progress(walk.rows, max(total, walk.rows))
    if progress:
        progress(walk.rows, max(total, walk.rows))


def _check_head(walk: Walk, head: RawHead | None, trust: Trust, verify: Verify) -> None:
    """The head row and its checkpoint against what the rows add up to."""
    if head is None or type(head.checkpoint) is not str:
        return walk.find(None, "the head row is missing, or carries no checkpoint")
    size = 0
    try:
        size = parse_checkpoint(parse_note(head.checkpoint).text).size
        key = _key(walk, trust, size)
        checkpoint = open_checkpoint(head.checkpoint, key, verify) if key else None
    except StoreError as error:
        if size > walk.last_position:  # the keys that it is signed with may be missing along with the events
            return walk.find(walk.last_position + 1, f"missing: the head row says that there are {size} events")
        return walk.find(None, f"the head row: {error.message}")
    if checkpoint is None:
        return walk.find(None, "there is no key to check the checkpoint with")
    last = walk.last_position
    if checkpoint.size > last:
        return walk.find(last + 1, f"missing: the checkpoint covers {checkpoint.size} events")
    if checkpoint.size < last:
        return walk.find(checkpoint.size + 1, f"beyond the checkpoint, which covers {checkpoint.size} events")
    if walk.findings:
        return None  # the root cannot be right, and where it went wrong is known
    frontier = walk.tree.frontier()
    if checkpoint.root_hash != frontier.root():
        return walk.find(None, "the tree's root is not the one that the checkpoint was signed for")
    prev, time_us = (head.prev, head.time_us) if walk.doubts else (walk.prev, walk.time_us)
    if head[:5] != (checkpoint.origin, checkpoint.size, prev, time_us, frontier.to_bytes()):
        walk.find(None, "the head row does not describe the last event")
    return None


def _key(walk: Walk, trust: Trust, size: int) -> VerifierKey | None:
    """The key that has to have signed the checkpoint: by the trusted one, or where that says nothing, by the log."""
    own = walk.schedule.log_key(size)
    itself = VerifierKey(walk.origin, own) if own and walk.origin else None
    if trust.key is None or walk.schedule.genesis is None:
        return trust.key or itself
    try:
        return checkpoint_key(walk.schedule, trust.key, size)
    except Unchecked as error:
        walk.doubt(None, error.message)
        return itself
    except (BadInput, Tampered) as error:
        if not walk.findings:  # otherwise it follows from what is wrong there
            walk.find(1, error.message)
        return trust.key


def _check_event_key(walk: Walk, event_key: bytes | None) -> None:
    if event_key and walk.schedule.genesis and walk.schedule.current("event") != event_key:
        since = walk.schedule.spans("event")[-1].since
        walk.find(since + 1, "it brings another event key than the store's own")


def _check_extends(walk: Walk, note: str, trust: Trust, verify: Verify) -> bool:
    """Whether the log extends the checkpoint; what is wrong with it is found or doubted."""
    if trust.key is None:
        walk.doubt(None, "an earlier checkpoint says nothing without a trusted key")
        return False
    try:
        checkpoint = open_earlier(note, walk.schedule, verify)
    except Unchecked as error:
        walk.doubt(None, f"the earlier checkpoint cannot be used: {error.message}")
        return False
    last = walk.last_position
    if checkpoint.size > last:
        walk.find(last + 1, f"missing: an earlier checkpoint covers {checkpoint.size} events")
    elif trust.start and checkpoint.size < trust.start.size:
        walk.doubt(None, f"the earlier checkpoint of {checkpoint.size} events lies in what was not read again")
    elif checkpoint.size and walk.roots.get(checkpoint.size) != checkpoint.root_hash:
        walk.find(None, f"the first {checkpoint.size} events are not those that an earlier checkpoint covers")
    else:
        return True
    return False
