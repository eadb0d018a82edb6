"""Attacks on a log, made from one small honest log whose keys changed: each has a name, the log as it then lies there,
and the position at which verification has to find it (None: the log as a whole).

What the attackers have grows: nothing but the file; one of the keys; an old key; all keys, against which only rules of
the format and an earlier checkpoint stand. Files and databases are attacked in test_log_attacks.py.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any

import msgpack

from adapters.keys.key_files import KeySigner
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.keys import VerifierKey, event_key_name, key_id
from domain.ledger.merkle import Frontier
from domain.ledger.raw import RawHead, RawLog, RawRow
from domain.ledger.record import Body, Record, body_hash, encode_record, leaf_hash, pae, read_body, read_record
from tests.support.bundles import HonestLog
from tests.support.logs import ORIGIN, OTHER_KEY, VKEY

Change = Callable[[Body], Body]
ROTATED = 7  # events before the log key was rotated


@dataclass(frozen=True)
class Attack:
    """`against`: a checkpoint that has to be brought along for it to be found; `key`: the one to verify with."""

    name: str
    rows: tuple[RawRow, ...]
    head: RawHead | None
    position: int | None
    against: tuple[str, ...] = ()
    key: VerifierKey = VKEY

    @contextmanager
    def snapshot(self, after: int = 0) -> Iterator[RawLog]:
        yield RawLog(self.head, iter(self.rows[after:]))


@dataclass(frozen=True)
class Target:
    """The honest log, and the keys at the end of it. `signer` is the event key at an index."""

    rows: tuple[RawRow, ...]
    head: RawHead
    notes: dict[int, str]
    signers: tuple[KeySigner, ...]
    log_key: KeySigner

    @property
    def size(self) -> int:
        return len(self.rows)


def target() -> Target:
    """Eleven events: a root key, its certificates, both keys rotated, and events before, between and after."""
    log = HonestLog()
    first = log.event_key
    log.grow(2)
    log.rotate_event_key()
    log.grow(1)
    log.rotate_log_key()
    log.grow(3)
    signers = [first if row.position <= 6 else log.event_key for row in log.rows_there]
    rows = tuple(log.rows_there)
    return Target(rows, honest_head(rows, log.notes[len(rows)]), dict(log.notes), tuple(signers), log.log_key)


def honest_head(rows: Sequence[RawRow], note: str) -> RawHead:
    """The head row that describes these rows."""
    records: list[Any] = [row.record for row in rows]
    tree = Frontier().extended(map(leaf_hash, records))
    last = read_record(records[-1])
    body = read_body(last.body)
    return RawHead(body.origin, len(rows), body_hash(last.body), body.time_us, tree.to_bytes(), note)


def corpus(log: Target, *, every_bit: bool = False) -> Iterator[Attack]:
    """All of them."""
    yield from flipped_bytes(log, every_bit)
    yield from changed_columns(log)
    yield from changed_head(log)
    yield from moved_rows(log)
    yield from older_states(log)
    yield from with_some_keys(log)
    yield from changed_keys(log)
    yield from with_all_keys(log)
    yield from other_encodings(log)


def flipped_bytes(log: Target, every_bit: bool) -> Iterator[Attack]:
    """Each byte of each record; the leaf hash beside it made to fit, which anybody can do."""
    for row in log.rows:
        record: Any = row.record
        for at in range(len(record)):
            for bit in range(8) if every_bit else (at % 8,):
                data = record[:at] + bytes([record[at] ^ 1 << bit]) + record[at + 1 :]
                for leaf in (leaf_hash(data), row.leaf_hash) if every_bit or at % 11 == 0 else (leaf_hash(data),):
                    changed = row._replace(record=data, leaf_hash=leaf)
                    yield _with_row(log, f"event {row.position}: byte {at}, bit {bit}", changed)


def changed_columns(log: Target) -> Iterator[Attack]:
    """Each column of each row, while the record stays."""
    for row in log.rows:
        leaf: Any = row.leaf_hash
        values: dict[str, list[Any]] = {
            "stream": ["image/other", "", None, b"x", 7], "stream_version": [99, -1, None, "0", 1.5],
            "kind": ["image.lost", "", None, 7], "record": [None, "text", b"", 7, row.record.hex()],  # type: ignore[attr-defined]
            "leaf_hash": [bytes(32), None, leaf[:-1], leaf.hex(), *(_flipped(leaf, at) for at in range(32))],
        }  # fmt: skip
        for column, others in values.items():
            for other in others:
                named = f"event {row.position}: {column} = {other!r}"[:80]
                yield _with_row(log, named, row._replace(**{column: other}))


def changed_head(log: Target) -> Iterator[Attack]:
    """Each byte of each field of the head row, and the row itself."""
    head = log.head
    yield Attack("no head row", log.rows, None, None)
    for name in ("prev", "frontier"):
        data: Any = getattr(head, name)
        for at in range(len(data)):
            yield Attack(f"head: {name}, byte {at}", log.rows, head._replace(**{name: _flipped(data, at)}), None)
    note: Any = head.checkpoint
    for at in range(len(note)):
        changed = note[:at] + ("x" if note[at] != "x" else "y") + note[at + 1 :]
        yield Attack(f"head: checkpoint, character {at}", log.rows, head._replace(checkpoint=changed), None)
    others = {"origin": "storectl.local/other", "size": log.size - 1, "time_us": 7, "checkpoint": None}
    for name, value in others.items():
        yield Attack(f"head: {name} = {value!r}", log.rows, head._replace(**{name: value}), None)
    stripped = note.split("\n\n")[0] + "\n\n"
    yield Attack("head: the signature stripped", log.rows, head._replace(checkpoint=stripped), None)


def moved_rows(log: Target) -> Iterator[Attack]:
    """Rows dropped, swapped, repeated, put in between; with their old positions, and closed up."""
    rows = log.rows
    for at in range(log.size):
        left = rows[:at] + rows[at + 1 :]
        yield Attack(f"event {at + 1} dropped", left, log.head, at + 1)
        if at < log.size - 1:
            yield Attack(f"event {at + 1} dropped, the rest closed up", _closed(left), log.head, at + 1)
        yield Attack(f"event {at + 1} repeated", _closed(rows[: at + 1] + rows[at:]), log.head, at + 2)
        yield Attack(f"event {at + 1} again at the end", _closed((*rows, rows[at])), log.head, log.size + 1)
        for other in range(at + 1, log.size):
            swapped = list(rows)
            swapped[at], swapped[other] = swapped[other], swapped[at]
            yield Attack(f"events {at + 1} and {other + 1} swapped", _closed(swapped), log.head, at + 1)


def older_states(log: Target) -> Iterator[Attack]:
    """Cut off at the tail under the newest head, and put back whole to an older one.

    It takes a checkpoint to find the latter, or, where the log key of today was not there yet, that key.
    """
    newest = VerifierKey(ORIGIN, log.log_key.public_key)
    for size in range(1, log.size):
        yield Attack(f"cut off after {size}", log.rows[:size], log.head, size + 1 if size > 2 else None)
        if size in log.notes:
            older = honest_head(log.rows[:size], log.notes[size])
            brought = (log.notes[log.size],)
            position = size + 1 if size > ROTATED else None
            yield Attack(f"put back to {size} events", log.rows[:size], older, position, brought, newest)


def with_some_keys(log: Target) -> Iterator[Attack]:
    """Somebody with one key, an old key, or keys of his own, and everything else made to fit."""
    late = "he wrote it later"
    for at in range(log.size):
        own = [OTHER_KEY if index == at else signer for index, signer in enumerate(log.signers)]
        yield _rewritten(log, f"event {at + 1} by a key of his own", {at: _payload}, own, log.log_key, at + 1)
        named = f"event {at + 1} with the event key, the checkpoint by another"
        yield _rewritten(log, named, {at: _payload}, log.signers, OTHER_KEY, None)
    for at in range(6, log.size):
        old = [log.signers[0] if index == at else signer for index, signer in enumerate(log.signers)]
        yield _rewritten(log, f"event {at + 1} by the rotated key: {late}", {at: _payload}, old, log.log_key, at + 1)
    for key in (log.signers[0], log.signers[-1], OTHER_KEY):
        grown = _grown(log, key)
        last = log.size + 1
        yield Attack(f"grown with {key.public_key.hex()[:6]}, the checkpoint stays", grown, log.head, last)
        note = _note(grown, OTHER_KEY)
        yield Attack(f"grown with {key.public_key.hex()[:6]}, another log key", grown, honest_head(grown, note), None)


def changed_keys(log: Target) -> Iterator[Attack]:
    """Events about keys, changed by somebody with the event keys and the log key of the end, not with the others."""
    for at in range(1, log.size):
        row: Any = log.rows[at]
        if row.stream != "keys":
            continue
        fields = msgpack.unpackb(read_body(read_record(row.record).body).payload)
        for name, value in fields.items():
            others = [bytes(len(value)), _flipped(value, 3)] if isinstance(value, bytes) else ["event", "log", "", None]
            for other in others:
                if other != value:
                    payload = msgpack.packb({**fields, name: other})
                    change: dict[int, Change] = {at: partial(_with_payload, payload)}
                    named = f"event {at + 1}: {name} = {other!r}"[:70]
                    yield _rewritten(log, named, change, log.signers, log.log_key, at + 1)
        moved = {
            at: lambda body: body._replace(
                stream="store", stream_version=1 + sum(r.stream == "store" for r in log.rows)
            )
        }
        yield _rewritten(log, f"event {at + 1} in another stream", moved, log.signers, log.log_key, at + 1)


def with_all_keys(log: Target) -> Iterator[Attack]:
    """What even the owner of all keys cannot make hold: the format's own rules, and an earlier checkpoint."""
    rules: dict[str, Change] = {
        "the clock turned back": lambda body: body._replace(time_us=body.time_us - 3_600_000_000),
        "the clock standing": lambda body: body._replace(time_us=body.time_us - 1_000_000),
        "another host's": lambda body: body._replace(origin="storectl.local/other"),
        "another index": lambda body: body._replace(leaf_index=body.leaf_index + 1),
        "another chain": lambda body: body._replace(prev=bytes(32)),
        "a version left out": lambda body: body._replace(stream_version=body.stream_version + 1),
    }
    for at in range(3, log.size):
        for name, change in rules.items():
            yield _rewritten(
                log, f"event {at + 1}: {name}", {at: change}, log.signers, log.log_key, at + 1, chain=False
            )
        if log.rows[at].stream != "keys":
            forged = _rewritten(log, f"forked at {at + 1} and grown", {at: _payload}, log.signers, log.log_key, None)
            yield replace(forged, against=(log.notes[log.size],))


def other_encodings(log: Target) -> Iterator[Attack]:
    """The same values in other bytes, signed by the owner of all keys."""
    for at in range(log.size):
        record: Any = log.rows[at].record
        body = read_record(record).body
        wider = b"\xdc\x00\x0c" + body[1:]  # array 16 instead of fixarray
        origin = b"\xd9" + bytes([len(ORIGIN)]) if len(ORIGIN) < 32 else b"\xda\x00" + bytes([len(ORIGIN)])
        longer = body[:2] + origin + body[body.index(ORIGIN.encode()) :]
        for name, other in (("array 16", wider), ("a longer string", longer), ("a byte more", body + b"\xc0")):
            yield _reencoded(log, f"event {at + 1}: body with {name}", at, other, None)
        outer = b"\xdc\x00\x03" + record[1:]
        yield _reencoded(log, f"event {at + 1}: record with array 16", at, None, outer)
        yield _reencoded(log, f"event {at + 1}: record with a byte more", at, None, record + b"\xc0")


# How the others are made


def _payload(body: Body) -> Body:
    return body._replace(actor="mallory")


def _with_payload(payload: bytes, body: Body) -> Body:
    return body._replace(payload=payload)


def _flipped(data: bytes, at: int) -> bytes:
    return data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]


def _closed(rows: Sequence[RawRow]) -> tuple[RawRow, ...]:
    return tuple(row._replace(position=position) for position, row in enumerate(rows, 1))


def _with_row(log: Target, name: str, row: RawRow) -> Attack:
    at = row.position - 1
    return Attack(name, (*log.rows[:at], row, *log.rows[at + 1 :]), log.head, row.position)


def _signed(body: bytes, signer: KeySigner) -> bytes:
    return encode_record(Record(body, key_id(event_key_name(ORIGIN), signer.public_key), signer.sign(pae(body))))


def _note(rows: Sequence[RawRow], *signers: KeySigner) -> str:
    records: list[Any] = [row.record for row in rows]
    tree = Frontier().extended(map(leaf_hash, records))
    return sign_checkpoint(Checkpoint(ORIGIN, len(rows), tree.root()), *signers)


def _rewritten(
    log: Target, name: str, changes: dict[int, Change], signers: Sequence[KeySigner], log_key: KeySigner,
    position: int | None, *, chain: bool = True,
) -> Attack:  # fmt: skip
    """The log anew with some bodies changed: chained, signed, hashed and sealed as the program would do it."""
    rows: list[RawRow] = []
    prev: bytes | None = None
    for at, row in enumerate(log.rows):
        record: Any = row.record
        body = read_body(read_record(record).body)
        if prev is not None:
            body = body._replace(prev=prev)
        if at in changes:
            body = changes[at](body)
        data = msgpack.packb(body, use_bin_type=True)
        changed = at in changes or prev is not None or signers[at] is not log.signers[at]
        made = _signed(data, signers[at]) if changed else record
        prev = body_hash(data) if changed and chain else None
        rows.append(RawRow(at + 1, body.stream, body.stream_version, body.kind, made, leaf_hash(made)))
    return Attack(name, tuple(rows), honest_head(rows, _note(rows, log_key)), position)


def _reencoded(log: Target, name: str, at: int, body: bytes | None, record: bytes | None) -> Attack:
    made = record if record is not None else _signed(body or b"", log.signers[at])
    rows = list(log.rows)
    rows[at] = rows[at]._replace(record=made, leaf_hash=leaf_hash(made))
    records: list[Any] = [row.record for row in rows]
    tree = Frontier().extended(map(leaf_hash, records))
    note = sign_checkpoint(Checkpoint(ORIGIN, log.size, tree.root()), log.log_key)
    return Attack(name, tuple(rows), log.head._replace(frontier=tree.to_bytes(), checkpoint=note), at + 1)


def _grown(log: Target, signer: KeySigner) -> tuple[RawRow, ...]:
    last: Any = log.rows[-1].record
    body = read_body(read_record(last).body)
    data = msgpack.packb(
        body._replace(
            leaf_index=log.size, prev=body_hash(read_record(last).body), stream="image/new", stream_version=0,
            time_us=body.time_us + 1, actor="mallory",
        ),
        use_bin_type=True,
    )  # fmt: skip
    made = _signed(data, signer)
    return (*log.rows, RawRow(log.size + 1, "image/new", 0, body.kind, made, leaf_hash(made)))
