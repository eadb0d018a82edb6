"""Bundles for tests: honest logs in memory with keys that change, exports of them, and both verifiers' verdicts."""

import io
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

import msgpack

from adapters.files.archive import Archive, ArchiveWriter, new_archive
from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from application.audit.bundle_checking import BundleVerdict, check_bundle
from application.audit.bundle_evidence import BundleTrust
from application.audit.exporting import Wanted, export_bundle
from application.audit.proving import Prover
from domain.bundle.manifest import MEMBERS, Coverage
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.entry import Draft, Head
from domain.ledger.key_changes import KEY_STREAM
from domain.ledger.keys import VerifierKey, event_key_name, key_id
from domain.ledger.merkle import Frontier, root_hash
from domain.ledger.policy import parse_policy
from domain.ledger.proofs import TILE_WIDTH
from domain.ledger.raw import RawRow
from domain.ledger.record import Body, Record, body_hash, encode_body, encode_record, leaf_hash, pae
from storectl import verify_bundle
from tests.support.keyed import ROOT_KEY, added, first_events, new_key, revoked, rotated
from tests.support.logs import EVENT_KEY, LOG_KEY, NOW, ORIGIN

ROOT_VKEY = VerifierKey(f"{ORIGIN}/root", ROOT_KEY.public_key)
KINDS = ("image.named", "layer.referenced", "operation.begun")


@dataclass
class HonestLog:
    """A log as the program would write it, in memory. `notes` are the checkpoints after each append, by size."""

    rooted: bool = True
    event_key: KeySigner = EVENT_KEY
    log_key: KeySigner = LOG_KEY
    rows_there: list[RawRow] = field(default_factory=list)
    notes: dict[int, str] = field(default_factory=dict)
    former: list[KeySigner] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._prev, self._time, self._frontier = bytes(32), NOW, Frontier()
        self._versions: Counter[str] = Counter()
        self._fresh = 0
        for draft in first_events(ROOT_KEY if self.rooted else None, self.log_key, self.event_key):
            self.add(draft)
        self._sign(self.log_key)

    # As a log to export from

    @property
    def size(self) -> int:
        return len(self.rows_there)

    @property
    def vkey(self) -> VerifierKey:
        """The first log key's."""
        return VerifierKey(ORIGIN, LOG_KEY.public_key)

    def head(self, size: int | None = None) -> Head:
        size = size or max(self.notes)
        leaves = [leaf_hash(bytes(row.record)) for row in self.rows_there[:size]]  # type: ignore[call-overload]
        return Head(size, root_hash(leaves), self._time, self.notes[size])

    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[RawRow]:
        return iter(self.rows_there[start - 1 : stop])

    def key_positions(self, size: int) -> list[int]:
        return [1, *(row.position for row in self.rows_there[:size] if row.stream == KEY_STREAM)]

    def hashes(self, row: int, start: int, stop: int) -> list[bytes]:
        width = TILE_WIDTH**row
        leaves: list[Any] = [row.leaf_hash for row in self.rows_there]
        return [root_hash(leaves[at * width : (at + 1) * width]) for at in range(start, stop)]

    def rebuild(self) -> None: ...

    # What happens to it

    def grow(self, count: int, *, actor: str = "root", names: Sequence[str] = ("app",)) -> None:
        for number in range(count):
            kind = KINDS[(self.size + number) % len(KINDS)]
            payload = {"name": names[number % len(names)], "number": number, "bytes": bytes([number % 256]) * 3}
            operation = f"{self.size // 5:016x}"
            self.add(Draft(f"image/{self.size % 4}", kind, 1, msgpack.packb(payload)), actor, operation)
        self._sign(self.log_key)

    def rotate_event_key(self) -> None:
        new = self._new()
        self.add(rotated(self.size, "event", self.event_key, new, root=self._root))
        self.former.append(self.event_key)
        self.event_key = new
        self._sign(self.log_key)

    def rotate_log_key(self) -> None:
        new = self._new()
        self.add(rotated(self.size, "log", self.log_key, new, root=self._root))
        self._sign(self.log_key, new)
        self.log_key = new

    def replace_event_key(self) -> None:
        """The root adds another in its place; it signs its own coming."""
        new = self._new()
        draft = added(self.size, "event", new, self.event_key)
        self.former.append(self.event_key)
        self.event_key = new
        self.add(draft)
        self._sign(self.log_key)

    def revoke_former(self, last_good: int) -> None:
        self.add(revoked(self.size, "event", self.former[-1], last_good))
        self._sign(self.log_key)

    @property
    def _root(self) -> KeySigner | None:
        return ROOT_KEY if self.rooted else None

    def _new(self) -> KeySigner:
        self._fresh += 1
        return new_key(self._fresh)

    def add(self, draft: Draft, actor: str = "root", operation: str = "") -> None:
        self._time += 1_000_000
        version = self._versions[draft.stream]
        self._versions[draft.stream] += 1
        body = encode_body(Body(
            1, ORIGIN, self.size, self._prev, draft.stream, version, draft.kind, draft.schema, self._time, actor,
            operation, draft.payload,
        ))  # fmt: skip
        identity = key_id(event_key_name(ORIGIN), self.event_key.public_key)
        record = encode_record(Record(body, identity, self.event_key.sign(pae(body))))
        self._prev = body_hash(body)
        leaf = leaf_hash(record)
        self._frontier = self._frontier.extended([leaf])
        self.rows_there.append(RawRow(self.size + 1, draft.stream, version, draft.kind, record, leaf))

    def _sign(self, *signers: KeySigner) -> None:
        head = Checkpoint(ORIGIN, self.size, self._frontier.root())
        self.notes[self.size] = sign_checkpoint(head, *signers)


def a_log(events: int = 40) -> HonestLog:
    """One with everything: a root key, rotated and replaced keys, and events before, between and after."""
    log = HonestLog()
    log.grow(events // 4)
    log.rotate_event_key()
    log.grow(events // 4, actor="mallory", names=("<script>alert(1)</script>", "=cmd()"))
    log.rotate_log_key()
    log.grow(events // 4)
    log.replace_event_key()
    log.grow(events // 4)
    return log


def write_bundle(log: HonestLog, path: Path, wanted: Wanted, size: int | None = None) -> Coverage:
    return export_bundle(log, Prover(log, log.head(size)), wanted, new_archive(path))


def bundle_bytes(log: HonestLog, wanted: Wanted, size: int | None = None) -> bytes:
    """The same in memory: nothing is synced to a disk, so that hundreds take seconds."""
    file = io.BytesIO()

    @contextmanager
    def archive() -> Iterator[ArchiveWriter]:
        yield ArchiveWriter(file)

    export_bundle(log, Prover(log, log.head(size)), wanted, archive())
    return file.getvalue() + bytes(1024)


@dataclass(frozen=True)
class Verdicts:
    """What both said; they said the same."""

    verdict: str
    range: dict[str, object]
    ours: BundleVerdict
    theirs: dict[str, Any]


def check(path: Path, *keys: VerifierKey, against: Sequence[str] = (), policy: str = "") -> Verdicts:
    """Both verifiers on one file. They have to agree."""
    opened: list[Archive] = []

    def open_bundle() -> Archive:
        opened.append(Archive(path, MEMBERS))
        return opened[0]

    wanted = parse_policy(policy.encode()) if policy else None
    quorum = partial(wanted.witnessed, verify=ed25519.verify) if wanted else None
    trust = BundleTrust((*keys, *(wanted.logs if wanted else ())), against, quorum)
    ours = check_bundle(open_bundle, trust, ed25519.verify)
    for archive in opened:
        archive.close()
    key = verify_bundle.parse_vkey(str(keys[0])) if keys else None
    theirs_policy = verify_bundle.parse_policy(policy.encode()) if policy else None
    theirs = verify_bundle.verdict(path, verify_bundle.Trust(key, theirs_policy, [note.encode() for note in against]))
    said = (ours.verdict.verdict, ours.verdict.size, ours.verdict.root_hash, ours.proves, ours.range)
    assert said == tuple(theirs[name] for name in ("verdict", "size", "root_hash", "proves", "range")), (
        ours.verdict.findings,
        theirs["findings"],
    )
    if ours.verdict.verdict != "tampered":
        assert ours.verdict.signatures_checked == theirs["signatures_checked"]
        mine = {(finding.position, finding.problem) for finding in ours.verdict.findings}
        other = {(finding["position"], finding["problem"]) for finding in theirs["findings"]}
        assert {position for position, _ in mine} == {position for position, _ in other}, (mine, other)
    return Verdicts(ours.verdict.verdict, ours.range, ours, theirs)
