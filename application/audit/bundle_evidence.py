"""The evidence in a bundle: checkpoint, keys, records and proofs, read once, checked as they go by.

Trust enters at one place, the keys that the verifier brought: one of them leads to the key that signed the checkpoint,
the checkpoint covers the root, and proofs lead from the root to the records and to the events that brought the keys.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice

from application.audit.bundle_reading import (
    BundleFiles,
    Claims,
    Event,
    MemberFile,
    anchor_lines,
    decoded,
    key_lines,
    proof_lines,
    read_claims,
    read_event,
    records,
    small,
    text,
)
from application.audit.signature_checks import SignatureChecks
from application.audit.verdict import Finding
from domain.bundle import manifest as files
from domain.bundle.manifest import Coverage, Facts, Filters
from domain.bundle.rows import Document, event_document, event_line
from domain.errors import BadInput, StoreError, Tampered, Unchecked, UnknownFormat
from domain.ledger.checkpoint import Checkpoint, parse_checkpoint, parse_note
from domain.ledger.key_changes import is_about_keys
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import VerifierKey, Verify, root_key_name
from domain.ledger.merkle import Frontier, Growing, verify_consistency, verify_inclusion
from domain.ledger.proofs import root_of_range
from domain.ledger.record import FIRST_PREV, body_hash, pae
from domain.ledger.trust import open_earlier, open_trusted


@dataclass(frozen=True, slots=True)
class BundleTrust:
    """What the verifier brought: verifier keys, any one of which will do; earlier checkpoints (signed notes); and
    whether a checkpoint's cosignatures are enough, where a policy asks for any.
    """

    keys: Sequence[VerifierKey] = ()
    against: Sequence[str] = ()
    quorum: Callable[[str], bool] | None = None


class Evidence:
    """What a bundle rests on, once it is read. `position` is the event at hand, for whoever catches what is raised."""

    def __init__(self, trust: BundleTrust, verify: Verify, checks: SignatureChecks) -> None:
        self._trust = trust
        self._verify = verify
        self._checks = checks
        self.findings: list[Finding] = []
        self.doubts: list[Finding] = []
        self.position: int | None = None
        self.checkpoint = Checkpoint("", 0, b"")
        self.note = ""
        self.claims = Claims("completeness", Filters())
        self.coverage = Coverage("completeness", 0)
        self.schedule = KeySchedule(verify)
        self._newer_keys = False
        self._key_leaves: dict[int, bytes] = {}
        self._roots: dict[int, bytes] = {}
        self._sample: Event | None = None
        self._needed = 0  # size that a witnessed checkpoint has to have

    def read(self, bundle: BundleFiles) -> None:
        """All of it, in an order in which nothing is used before it is known to belong here. Raises what is wrong."""
        self.claims = claims = read_claims(bundle)
        self.coverage.proves = claims.proves
        self.note = text(small(bundle, files.CHECKPOINT), files.CHECKPOINT)
        self.checkpoint = head = parse_checkpoint(parse_note(self.note).text)
        if not head.size:
            raise BadInput("the checkpoint is of an empty log")
        self.coverage.size = head.size
        self._wanted = {parse_checkpoint(parse_note(kept).text).size for kept in self._trust.against}
        self._roots[head.size] = head.root_hash
        genesis = self._read_keys(bundle, head)
        self._require_trusted(self.note)
        if claims.proves == "completeness":
            self._read_range(bundle, head)
        else:
            self._read_selection(bundle, head, claims.filters)
        self._read_anchors(bundle, head)
        self.sample = self._sample or genesis

    @property
    def facts(self) -> Facts:
        """What the manifest and the report are made from."""
        return Facts(self.store, self.checkpoint, self.coverage, self.claims.filters)

    @property
    def store(self) -> str:
        return self.schedule.genesis.store if self.schedule.genesis else ""

    # Keys and trust

    def _read_keys(self, bundle: BundleFiles, head: Checkpoint) -> Event:
        genesis: Event | None = None
        for event, path in key_lines(bundle):
            body = event.body
            with self._at(body.leaf_index):
                self._require_origin(event, head)
                if not verify_inclusion(event.leaf, body.leaf_index, head.size, path, head.root_hash):
                    raise Tampered("its inclusion proof does not hold")
                if (genesis is None) != (body.leaf_index == 0):
                    raise BadInput(f"{files.KEYS} does not begin with the log's first event")
                genesis = genesis or event
                self._key_leaves[body.leaf_index] = event.leaf
                self._learn(event)
                self._sign(event, count=False)
        if genesis is None:
            raise BadInput(f"{files.KEYS} has not the log's first event")
        return genesis

    def _learn(self, event: Event) -> None:
        body = event.body
        if body.leaf_index and body.stream_version != self.schedule.changes:
            raise Tampered("a change of keys is missing before it")
        try:
            self.schedule.learn(body.leaf_index, body.stream, body.kind, body.schema, body.payload)
        except UnknownFormat as error:
            self._newer_keys = True
            self.doubts.append(Finding(self.position, error.message))
        if self.schedule.genesis and self.schedule.genesis.origin != body.origin:
            raise Tampered("the first event names another origin than its own")

    def _require_trusted(self, note: str) -> None:
        origin = self.checkpoint.origin
        problems: list[StoreError] = []
        for key in self._trust.keys:
            try:
                open_trusted(note, self.schedule, key, self._verify)
            except StoreError as error:
                problems.append(error)
        if not self._trust.keys:
            self.doubts.append(Finding(None, "no trusted key: a key in the bundle proves nothing"))
        elif len(problems) == len(self._trust.keys):
            ours = [key for key in self._trust.keys if key.name in (origin, root_key_name(origin))]
            worst = next((one for one in problems if not isinstance(one, Unchecked)), problems[0])
            if ours and not isinstance(worst, Unchecked):
                raise worst
            self.doubts.append(Finding(None, worst.message))

    def _sign(self, event: Event, *, count: bool = True) -> None:
        """Have its signature checked, by the key that may sign there."""
        identity = event.parts.key_id
        key = self.schedule.event_key(event.body.leaf_index, identity)
        if key is None:
            problem = f"the key {identity.hex()} may not sign here"
            raise UnknownFormat(problem) if self._newer_keys else Tampered(problem)
        if count:
            self._checks.add(event.body.leaf_index + 1, key, event.parts.signature, event.parts.body)
        elif not self._verify(key, event.parts.signature, pae(event.parts.body)):
            raise Tampered("its signature does not hold")

    # Records

    def _read_range(self, bundle: BundleFiles, head: Checkpoint) -> None:
        """The records in one piece up to the root, and events.jsonl beside them."""
        lines = islice(proof_lines(bundle), files.MAX_HASHES + 1)
        proof = [decoded(text(line, files.PROOF)) for line in lines]
        if len(proof) > files.MAX_HASHES or any(len(one) != 32 for one in proof):
            raise BadInput("the range proof has too many hashes, or one that is none")
        first = next(records(bundle), None)
        if first is None:
            raise BadInput("a complete range without a single record")
        start, count = read_event(first).body.leaf_index, sum(1 for _ in records(bundle))
        stop = start + count
        low, high = self._bounds = (self.claims.first - 1, self.claims.last)
        begins, ends = low == start + 1 or low == start == 0, high == stop - 1 or high == stop == head.size
        if not (begins and ends and low <= high):
            raise Tampered("the range has no neighbours, and the log goes on beside it")
        if len(proof) < start.bit_count():
            raise BadInput("the range proof has too few hashes")
        self._needed = stop
        leaves = self._range_leaves(bundle, head, Frontier(start, tuple(proof[: start.bit_count()])))
        if root_of_range(start, stop, head.size, leaves, proof) != head.root_hash:
            self.position = None
            raise Tampered("the records and the range proof do not give the checkpoint's root")
        self.coverage.first, self.coverage.last = self._bounds[0] + 1, self._bounds[1]
        self.coverage.count = self._bounds[1] - self._bounds[0]

    def _range_leaves(self, bundle: BundleFiles, head: Checkpoint, before: Frontier) -> Iterator[bytes]:
        grown, line = Growing(before), bundle.open(files.EVENTS)
        start, stop = self._bounds
        previous: Event | None = None
        versions: dict[str, int] = {}
        if before.size in self._wanted:
            self._roots[before.size] = before.root()
        for index, record in enumerate(records(bundle), before.size):
            with self._at(index):
                event = read_event(record)
                body = event.body
                self._require_next(event, previous, index, head)
                if versions.get(body.stream, body.stream_version) != body.stream_version:
                    raise Tampered("its stream's versions are not in order")
                versions[body.stream] = body.stream_version + 1
                self._require_keys_told(event)
                self._sign(event)
                if start <= index < stop:
                    self._sample = self._sample or event
                    expect(line, event_line(self.document(event)), files.EVENTS)
                elif index < start:
                    self.coverage.before = body.time_us
                else:
                    self.coverage.after = body.time_us
            grown.append(event.leaf)
            if grown.size in self._wanted:
                self._roots[grown.size] = grown.frontier().root()
            previous = event
            yield event.leaf
        end(line, files.EVENTS)

    def _read_selection(self, bundle: BundleFiles, head: Checkpoint, filters: Filters) -> None:
        """Records in the log's order, with an inclusion proof each."""
        proofs, line, coverage = proof_lines(bundle), bundle.open(files.EVENTS), self.coverage
        for record in records(bundle):
            event = read_event(record)
            with self._at(event.body.leaf_index) as position:
                self._require_origin(event, head)
                if position <= coverage.last:
                    raise Tampered("the records are not in the log's order")
                proof = next(proofs, None)
                if proof is None:
                    raise Tampered("it has no inclusion proof")
                path = [decoded(one) for one in text(proof, files.PROOF).split(" ")] if proof else []
                if not verify_inclusion(event.leaf, event.body.leaf_index, head.size, path, head.root_hash):
                    raise Tampered("its inclusion proof does not hold")
                self._require_keys_told(event)
                self._sign(event)
                document = self.document(event)
                if not filters.takes(document):
                    raise Tampered("it is not one of those that the filters ask for")
                expect(line, event_line(document), files.EVENTS)
                coverage.first, coverage.last = coverage.first or position, position
                coverage.count += 1
                self._sample = self._sample or event
        if next(proofs, None) is not None:
            raise BadInput("there are more inclusion proofs than records")
        end(line, files.EVENTS)
        self._needed = coverage.last

    def _require_next(self, event: Event, previous: Event | None, index: int, head: Checkpoint) -> None:
        body = event.body
        if body.leaf_index != index:
            raise Tampered(f"it was signed for position {body.leaf_index + 1}")
        self._require_origin(event, head)
        if index and not previous:
            return  # what comes before the neighbour is not here
        if body.prev != (body_hash(previous.parts.body) if previous else FIRST_PREV):
            raise Tampered("it does not follow the event before it")
        if previous and body.time_us <= previous.body.time_us:
            raise Tampered("it is not later than the event before it")

    def _require_origin(self, event: Event, head: Checkpoint) -> None:
        if event.body.origin != head.origin:
            raise Tampered(f"it belongs to the log {event.body.origin!r}")

    def _require_keys_told(self, event: Event) -> None:
        body = event.body
        about_keys = not body.leaf_index or is_about_keys(body.stream, body.kind)
        if about_keys and self._key_leaves.get(body.leaf_index) != event.leaf:
            raise Tampered(f"it says something about keys that {files.KEYS} leaves out")

    def document(self, event: Event) -> Document:
        """The event as events.jsonl has it."""
        return event_document(self.store, event.record, event.parts, event.body, event.leaf)

    # Checkpoints of other times

    def _read_anchors(self, bundle: BundleFiles, head: Checkpoint) -> None:
        """Earlier checkpoints that this one continues; their witnesses count where they cover all these events."""
        quorum = self._trust.quorum
        witnessed = quorum is None or quorum(self.note)
        last = (0, "")
        for note, hashes in anchor_lines(bundle):
            anchor = parse_checkpoint(parse_note(note).text)
            if (anchor.size, note) <= last:
                raise BadInput(f"{files.ANCHORS} is out of order")
            last = (anchor.size, note)
            if not verify_consistency(anchor.size, anchor.root_hash, head.size, head.root_hash, hashes):
                raise Tampered(f"the log does not continue the anchored checkpoint of {anchor.size} events")
            try:
                open_earlier(note, self.schedule, self._verify)
            except Unchecked as error:
                raise Tampered(f"{files.ANCHORS}: {error.message}") from error
            self._roots[anchor.size] = anchor.root_hash
            witnessed = witnessed or bool(quorum and anchor.size >= self._needed and quorum(note))
        if not witnessed:
            problem = "no checkpoint that covers these events has the cosignatures that the policy wants"
            self.doubts.append(Finding(None, problem))

    def check_earlier(self) -> None:
        """The checkpoints that the verifier kept: this log has to continue them."""
        for note in self._trust.against:
            size = parse_checkpoint(parse_note(note).text).size
            try:
                root = open_earlier(note, self.schedule, self._verify).root_hash
            except Unchecked as error:
                self.doubts.append(Finding(None, f"the earlier checkpoint cannot be used: {error.message}"))
                continue
            if size not in self._roots:
                problem = f"the bundle does not lead from the earlier checkpoint of {size} events"
                self.doubts.append(Finding(None, problem))
            elif self._roots[size] != root:
                self.findings.append(Finding(None, f"the first {size} events are not those of the earlier checkpoint"))

    def find_unattributable(self) -> None:
        """Events here that nobody can be held to are doubts."""
        first, last = self.coverage.first, self.coverage.last
        for some in self.schedule.unattributable(last) if self.coverage.count else ():
            if some.last >= first:
                problem = (
                    f"not attributable to anybody, up to event {some.last}: signed with a revoked key ({some.reason})"
                )
                self.doubts.append(Finding(max(first, some.first), problem))

    # The position at hand

    @contextmanager
    def _at(self, index: int) -> Iterator[int]:
        """Whatever is raised inside is about this event."""
        self.position = index + 1
        yield index + 1
        self.position = None


def expect(member: MemberFile, data: bytes, name: str) -> None:
    """Raises Tampered unless the file goes on with these bytes."""
    if member.read(len(data)) != data:
        raise Tampered(f"{name} does not say what the evidence says")


def end(member: MemberFile, name: str) -> None:
    """Raises Tampered unless the file ends here."""
    if member.left:
        raise Tampered(f"{name} goes on after its end")
