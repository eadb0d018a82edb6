"""Verifying a whole log: every byte of it, against a key that did not come out of it.

What has to hold for each event, in order: its encoding is the canonical one, its index dense, `prev` the hash of the
body before, its stream's versions dense, its time later than the last; the columns say what the bytes say, and the leaf
hash is theirs; a key that the log itself allows at that index signed it. Then the tree's root, the head row, and the
checkpoint, which the log key has to have signed. Trust enters at one place only, the log key: its checkpoint covers the
root, the root covers the first event, and that names the key of the events.
"""

from collections import deque
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from os import cpu_count
from typing import Literal

from domain.errors import BadInput, StoreError, Tampered
from domain.ledger.checkpoint import Checkpoint, open_checkpoint
from domain.ledger.keys import KeySchedule, VerifierKey, Verify
from domain.ledger.merkle import Growing
from domain.ledger.raw import RawHead, RawLog, RawRow, RawSource
from domain.ledger.record import FIRST_PREV, Body, body_hash, decode_body, decode_record, leaf_hash, pae

MAX_FINDINGS = 100
BATCH = 256  # signatures handed to a thread at a time

Verdicts = Literal["verified", "tampered", "unchecked"]
Progress = Callable[[int, int], None]
"""(events done, events in all)."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, at a position counted from 1; None where it can be put down to no single event."""

    position: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verified` only where everything held and the key was trusted. `signatures_checked` counts events' signatures."""

    verdict: Verdicts
    size: int
    root_hash: str
    findings: tuple[Finding, ...]
    signatures_checked: int


@dataclass(frozen=True, slots=True)
class Trust:
    """What verification starts from. Without a log key the log is checked against itself, and never `verified`.

    `event_key` (32 bytes) is compared with what the first event says, where the store's own key file is at hand.
    `against` are signed checkpoint notes seen earlier: the log has to extend each.
    """

    log_key: VerifierKey | None
    event_key: bytes | None = None
    against: Sequence[str] = ()


def verify_log(
    source: RawSource, trust: Trust, verify: Verify, *, signatures: bool = True, progress: Progress | None = None
) -> Verdict:
    """Read the log once, from one snapshot. Memory grows with the number of streams, not of events.

    Without `signatures` the events' own are not checked, only the checkpoint's. Raises what the source raises where the
    log cannot be read at all; BadInput for an `against` that is not a checkpoint.
    """
    earlier, doubts = _opened(trust, verify)
    with source.snapshot() as log, _SignatureChecks(verify) as checks:
        walk = _Walk(checks if signatures else None, {checkpoint.size for checkpoint in earlier})
        total = log.head.size if log.head and type(log.head.size) is int else 0
        _walk_rows(walk, log, total, progress)
        checks.finish()
        key, more_doubts = _key(walk, trust)
        _check_head(walk, log.head, key, verify)
    doubts += more_doubts
    _check_genesis(walk, key, trust.event_key)
    for checkpoint in earlier:
        _check_extends(walk, checkpoint)
    found = sorted({*walk.findings, *checks.findings}, key=lambda f: (f.position is None, f.position or 0))
    if trust.log_key is None:
        doubts.append(Finding(None, "no trusted key: the log was checked against itself only"))
    verdict: Literal["verified", "tampered", "unchecked"] = (
        "tampered" if found else "unchecked" if doubts else "verified"
    )
    root = walk.tree.frontier().root().hex()
    return Verdict(verdict, walk.rows, root, (*found[:MAX_FINDINGS], *doubts), checks.checked)


class _SignatureChecks:
    """Signatures verified in threads (the check releases the GIL), with a bounded number of them waiting."""

    def __init__(self, verify: Verify) -> None:
        threads = cpu_count() or 1
        self._verify = verify
        self._pool = ThreadPoolExecutor(threads)
        self._running: deque[Future[list[Finding]]] = deque()
        self._most = 2 * threads
        self._batch: list[tuple[int, bytes, bytes, bytes]] = []
        self.checked = 0
        self.findings: list[Finding] = []

    def __enter__(self) -> "_SignatureChecks":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, position: int, public_key: bytes, signature: bytes, body: bytes) -> None:
        self._batch.append((position, public_key, signature, body))
        self.checked += 1
        if len(self._batch) == BATCH:
            self._hand_over()

    def finish(self) -> None:
        self._hand_over()
        while self._running:
            self._collect()

    def _hand_over(self) -> None:
        if len(self._running) == self._most:
            self._collect()
        self._running.append(self._pool.submit(self._check, self._batch))
        self._batch = []

    def _collect(self) -> None:
        self.findings += self._running.popleft().result()
        del self.findings[MAX_FINDINGS:]

    def _check(self, batch: list[tuple[int, bytes, bytes, bytes]]) -> list[Finding]:
        verify = self._verify
        return [
            Finding(position, "its signature does not hold")
            for position, public_key, signature, body in batch
            if not verify(public_key, signature, pae(body))
        ]


class _Walk:
    """The state between one row and the next."""

    def __init__(self, checks: _SignatureChecks | None, remember: set[int]) -> None:
        self._checks = checks
        self._remember = remember
        self._streams: dict[str, int] = {}
        self._origin: str | None = None
        self.schedule = KeySchedule()
        self.findings: list[Finding] = []
        self.tree = Growing()
        self.rows = 0
        self.next_position = 1
        self.prev: bytes | None = FIRST_PREV  # None after a gap or an unreadable body: nothing to compare with
        self.time_us = -1
        self.roots: dict[int, bytes] = {}

    def find(self, position: int | None, problem: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(position, problem))

    def row(self, row: RawRow) -> None:
        """Take in the next row; what is wrong with it becomes findings."""
        self.rows += 1
        if type(row.position) is not int:
            self.find(None, f"a row's position is no number: {row.position!r}")
            return
        if row.position != self.next_position:
            if row.position < self.next_position:
                self.find(row.position, "no event can stand at this position")
                return
            last = row.position - 1
            self.find(self.next_position, "missing" if last == self.next_position else f"missing, up to {last}")
            self.prev = None
        self.next_position = row.position + 1
        try:
            self._event(row)
        except StoreError as error:
            self.find(row.position, error.message)
            self.prev = None

    def _event(self, row: RawRow) -> None:
        if type(row.record) is not bytes:
            raise BadInput("its record is not bytes")
        leaf = leaf_hash(row.record)
        self.tree.append(leaf)
        if self.tree.size in self._remember:
            self.roots[self.tree.size] = self.tree.frontier().root()
        record = decode_record(row.record)
        body = decode_body(record.body)
        if self._origin is None:
            self._origin = body.origin
        version = self._streams.get(body.stream, 0)
        expected = (row.position - 1, self._origin, row.stream, row.stream_version, row.kind, row.leaf_hash, version)
        signed = (body.leaf_index, body.origin, body.stream, body.stream_version, body.kind, leaf, body.stream_version)
        if signed != expected or body.time_us <= self.time_us or self.prev not in (None, body.prev):
            self._name_what_is_wrong(row, body, leaf, version)
        # Where the bytes are known not to be the ones written, the next event is not blamed for not following them.
        self.prev = body_hash(record.body) if leaf == row.leaf_hash else None
        self.time_us = max(self.time_us, body.time_us)
        self._streams[body.stream] = body.stream_version + 1
        self.schedule.learn(body.leaf_index, body.kind, body.payload)
        public_key = self.schedule.event_key(body.leaf_index, record.key_id)
        if public_key is None:
            raise BadInput(f"the key {record.key_id.hex()} may not sign here")
        if self._checks:
            self._checks.add(row.position, public_key, record.signature, record.body)

    def _name_what_is_wrong(self, row: RawRow, body: Body, leaf: bytes, version: int) -> None:
        columns = (row.stream, row.stream_version, row.kind)
        for holds, problem in (
            (body.leaf_index == row.position - 1, f"it was signed for position {body.leaf_index + 1}"),
            (leaf == row.leaf_hash, "its leaf hash is not that of its record"),
            ((body.stream, body.stream_version, body.kind) == columns, "its columns do not say what its record says"),
            (body.origin == self._origin, f"it belongs to the log {body.origin!r}"),
            (self.prev in (None, body.prev), "it does not follow the event before it"),
            (body.time_us > self.time_us, "it is not later than the event before it"),
            (body.stream_version == version, f"version {body.stream_version} of its stream instead of {version}"),
        ):
            if not holds:
                self.find(row.position, problem)


def _walk_rows(walk: _Walk, log: RawLog, total: int, progress: Progress | None) -> None:
    for row in log.rows:
        walk.row(row)
        if progress and not walk.rows % BATCH:
            progress(walk.rows, max(total, walk.rows))
    if progress:
        progress(walk.rows, max(total, walk.rows))


def _opened(trust: Trust, verify: Verify) -> tuple[list[Checkpoint], list[Finding]]:
    """The earlier checkpoints that the trusted key signed, and a doubt for each that cannot be used."""
    if trust.log_key is None:
        return [], [Finding(None, "an earlier checkpoint says nothing without a trusted key")] if trust.against else []
    earlier: list[Checkpoint] = []
    doubts: list[Finding] = []
    for note in trust.against:
        try:
            earlier.append(open_checkpoint(note, trust.log_key, verify))
        except Tampered as error:
            doubts.append(Finding(None, f"the earlier checkpoint cannot be used: {error.message}"))
    return earlier, doubts


def _key(walk: _Walk, trust: Trust) -> tuple[VerifierKey | None, list[Finding]]:
    """The key that has to have signed the checkpoint: the trusted one, unless there is none for this log.

    A trusted key of another log says nothing about this one. That is no tampering, and not verified either.
    """
    genesis = walk.schedule.genesis
    own = VerifierKey(genesis.origin, genesis.log_key) if genesis else None
    if trust.log_key is None:
        return own, [Finding(None, "no trusted key: the log was checked against itself only")]
    if own is not None and own.name != trust.log_key.name:
        return own, [Finding(None, f"the trusted key is that of {trust.log_key.name!r}, and the log is {own.name!r}")]
    return trust.log_key, []


def _check_head(walk: _Walk, head: RawHead | None, key: VerifierKey | None, verify: Verify) -> None:
    """The head row and its checkpoint against what the rows add up to."""
    if head is None or type(head.checkpoint) is not str:
        return walk.find(None, "the head row is missing, or carries no checkpoint")
    if key is None:
        return walk.find(None, "there is no key to check the checkpoint with")
    try:
        checkpoint = open_checkpoint(head.checkpoint, key, verify)
    except (BadInput, Tampered) as error:
        return walk.find(None, f"the head row: {error.message}")
    last = walk.next_position - 1
    if checkpoint.size > last:
        return walk.find(last + 1, f"missing: the checkpoint covers {checkpoint.size} events")
    if checkpoint.size < last:
        return walk.find(checkpoint.size + 1, f"beyond the checkpoint, which covers {checkpoint.size} events")
    if walk.findings:
        return None  # the root cannot be right, and where it went wrong is known
    frontier = walk.tree.frontier()
    if checkpoint.root_hash != frontier.root():
        return walk.find(None, "the tree's root is not the one that the checkpoint was signed for")
    if head[:5] != (checkpoint.origin, checkpoint.size, walk.prev, walk.time_us, frontier.to_bytes()):
        walk.find(None, "the head row does not describe the last event")
    return None


def _check_genesis(walk: _Walk, key: VerifierKey | None, event_key: bytes | None) -> None:
    genesis = walk.schedule.genesis
    if genesis is None:
        return
    if key and genesis.log_key != key.public_key:
        walk.find(1, f"it names another log key than the trusted {key}")
    if event_key and genesis.event_key != event_key:
        walk.find(1, "it names another event key than the store's own")


def _check_extends(walk: _Walk, checkpoint: Checkpoint) -> None:
    last = walk.next_position - 1
    if checkpoint.size > last:
        walk.find(last + 1, f"missing: an earlier checkpoint covers {checkpoint.size} events")
    elif checkpoint.size and walk.roots.get(checkpoint.size) != checkpoint.root_hash:
        walk.find(None, f"the first {checkpoint.size} events are not those that an earlier checkpoint covers")
