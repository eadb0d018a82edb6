"""Changes of keys for tests: signed as they have to be, and the golden log whose keys change."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from adapters.keys.key_files import KeySigner
from domain.events.codec import draft
from domain.events.key import KeyAdded, KeyRevoked, KeyRotated
from domain.events.store import StoreInitialised
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.entry import Draft
from domain.ledger.key_changes import Role, Statement
from domain.ledger.keys import event_key_name, key_id
from domain.ledger.merkle import Frontier
from domain.ledger.raw import RawHead, RawLog, RawRow
from domain.ledger.record import (
    Body,
    Record,
    body_hash,
    encode_body,
    encode_record,
    leaf_hash,
    pae,
    read_body,
    read_record,
)
from domain.values import StoreId
from tests.support.logs import EVENT_KEY, LOG_KEY, NOW, ORIGIN, vector

ROOT_KEY = KeySigner.from_seed(bytes([90]) * 32)


def new_key(number: int) -> KeySigner:
    """The same each time."""
    return KeySigner.from_seed(bytes([100 + number]) * 32)


def signed(statement: Statement, *signers: KeySigner) -> tuple[bytes, ...]:
    return tuple(signer.sign(statement.signed_bytes()) for signer in signers)


def first_events(
    root: KeySigner | None = ROOT_KEY, log: KeySigner = LOG_KEY, event: KeySigner = EVENT_KEY, origin: str = ORIGIN
) -> list[Draft]:
    """What a log begins with: with a root key, its certificates follow on the first event."""
    public = root.public_key if root else None
    first = draft(StoreInitialised(StoreId("s"), origin, log.public_key, event.public_key, public))
    if root is None:
        return [first]
    return [
        first,
        added(1, "log", log, None, root=root, origin=origin),
        added(2, "event", event, None, root=root, origin=origin),
    ]


def added(
    index: int,
    role: Role,
    key: KeySigner,
    replaces: KeySigner | None,
    *,
    root: KeySigner = ROOT_KEY,
    origin: str = ORIGIN,
) -> Draft:
    old = replaces.public_key if replaces else b""
    statement = Statement("add", origin, index, role, root.public_key, old, key.public_key)
    own, roots = signed(statement, key, root)
    return draft(KeyAdded(role, key.public_key, old or None, own, roots))


def rotated(
    index: int, role: Role, old: KeySigner, new: KeySigner, *, root: KeySigner | None = ROOT_KEY, origin: str = ORIGIN
) -> Draft:
    public = root.public_key if root else b""
    statement = Statement("rotate", origin, index, role, public, old.public_key, new.public_key)
    return draft(KeyRotated(role, old.public_key, new.public_key, *signed(statement, old, new)))


def revoked(
    index: int, role: Role, key: KeySigner, last_good: int, *, root: KeySigner = ROOT_KEY, reason: str = "stolen"
) -> Draft:
    statement = Statement("revoke", ORIGIN, index, role, root.public_key, key.public_key, b"", last_good, reason)
    return draft(KeyRevoked(role, key.public_key, last_good, reason, *signed(statement, root)))


class Records:
    """Records, and the signed note over them, as a source (domain.ledger.raw.RawSource)."""

    def __init__(self, records: Sequence[bytes], note: str = "", log: KeySigner = LOG_KEY) -> None:
        self.records = list(records)
        self._log = log
        self.note = note

    @contextmanager
    def snapshot(self, after: int = 0) -> Iterator[RawLog]:
        """The rows and the head that they would lie under."""
        bodies = [read_body(read_record(record).body) for record in self.records]
        tree = Frontier().extended(map(leaf_hash, self.records))
        rows = [
            RawRow(body.leaf_index + 1, body.stream, body.stream_version, body.kind, record, leaf_hash(record))
            for body, record in zip(bodies, self.records, strict=True)
        ]
        origin, prev = bodies[-1].origin, body_hash(read_record(self.records[-1]).body)
        note = self.note or sign_checkpoint(Checkpoint(origin, tree.size, tree.root()), self._log)
        yield RawLog(RawHead(origin, tree.size, prev, bodies[-1].time_us, tree.to_bytes(), note), iter(rows[after:]))


class KeyedVectors(Records):
    """The golden log whose keys change (tests/vectors/log/keyed.json), its first `size` events, as a source."""

    def __init__(self, size: int | None = None) -> None:
        self.golden: dict[str, Any] = vector("keyed.json")
        size = size or len(self.golden["records"])
        records = [bytes.fromhex(record) for record in self.golden["records"][:size]]
        super().__init__(records, self.golden["checkpoints"][size - 1])


def begun(draft: Draft, event: KeySigner) -> list[bytes]:
    """The record of a first event, whatever it says."""
    body = encode_body(Body(1, ORIGIN, 0, bytes(32), draft.stream, 0, draft.kind, 1, NOW, "test", "", draft.payload))
    identity = key_id(event_key_name(ORIGIN), event.public_key)
    return [encode_record(Record(body, identity, event.sign(pae(body))))]


def continued(records: Sequence[bytes], *drafts: Draft, event: KeySigner = EVENT_KEY) -> list[bytes]:
    """These records and one for each draft after them, whatever it says: what the program itself would not append."""
    made = list(records)
    for each in drafts:
        last = read_record(made[-1])
        before = read_body(last.body)
        version = sum(read_body(read_record(record).body).stream == each.stream for record in made)
        body = encode_body(before._replace(
            leaf_index=before.leaf_index + 1, prev=body_hash(last.body), stream=each.stream, stream_version=version,
            kind=each.kind, schema=each.schema, time_us=before.time_us + 1, payload=each.payload,
        ))  # fmt: skip
        identity = key_id(event_key_name(before.origin), event.public_key)
        made.append(encode_record(Record(body, identity, event.sign(pae(body)))))
    return made
