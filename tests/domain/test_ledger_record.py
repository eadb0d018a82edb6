import hashlib
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys import ed25519
from domain.errors import BadInput, StoreError, UnknownFormat
from domain.ledger.record import (
    FIRST_PREV,
    MAX_INTEGER,
    MAX_RECORD,
    PAYLOAD_TYPE,
    Body,
    Record,
    body_hash,
    decode_body,
    decode_record,
    encode_body,
    encode_record,
    entry_of,
    leaf_hash,
    pae,
)
from tests.support.logs import vector

ROWS: list[dict[str, Any]] = vector("records.json")
KEYS: dict[str, str] = vector("keys.json")
GOOD = Body(1, "o.example/1", 0, FIRST_PREV, "store", 0, "kind", 1, 7, "uid=0", "", b"payload")


def texts(least: int, most: int) -> st.SearchStrategy[str]:
    allowed = st.characters(exclude_characters="\x7f", exclude_categories=["Cs"], min_codepoint=0x20)
    return st.text(allowed, min_size=least, max_size=most // 4)


NUMBERS = st.integers(0, MAX_INTEGER)
BODIES = st.builds(
    Body, st.just(1), texts(1, 255), NUMBERS, st.binary(min_size=32, max_size=32), texts(1, 512), NUMBERS,
    texts(1, 128), st.integers(1, 65_535), NUMBERS, texts(1, 512), texts(0, 128), st.binary(max_size=300),
)  # fmt: skip


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row["kind"])
def test_golden_vectors_both_ways(row: dict[str, Any]) -> None:
    record = decode_record(bytes.fromhex(row["record"]))
    body = decode_body(record.body)
    assert body == Body(
        1, KEYS["origin"], row["index"], bytes.fromhex(row["prev"]), row["stream"], row["stream_version"], row["kind"],
        row["schema"], row["time_us"], row["actor"], row["operation"], bytes.fromhex(row["payload"]),
    )  # fmt: skip
    assert encode_body(body) == bytes.fromhex(row["body"]) == record.body
    assert encode_record(record).hex() == row["record"]
    assert pae(record.body).hex() == row["pae"]
    assert leaf_hash(bytes.fromhex(row["record"])).hex() == row["leaf_hash"]
    assert record.key_id.hex() == KEYS["event_key_id"]
    assert ed25519.verify(bytes.fromhex(KEYS["event_key"]), record.signature, pae(record.body))


def test_golden_vectors_are_a_chain() -> None:
    prev = FIRST_PREV
    for row in ROWS:
        assert row["prev"] == prev.hex()
        prev = body_hash(bytes.fromhex(row["body"]))


def test_entry_has_every_field_in_its_place() -> None:
    row = ROWS[3]
    record = decode_record(bytes.fromhex(row["record"]))
    entry = entry_of(decode_body(record.body), record, bytes.fromhex(row["leaf_hash"]))
    for name in ("index", "stream", "stream_version", "kind", "schema", "time_us", "actor", "operation"):
        assert getattr(entry, name) == row[name]
    for name in ("prev", "payload", "leaf_hash"):
        assert getattr(entry, name).hex() == row[name]
    assert (entry.key_id, entry.signature, entry.position) == (record.key_id, record.signature, row["index"] + 1)


@given(BODIES)
def test_every_body_comes_back(body: Body) -> None:
    assert decode_body(encode_body(body)) == body


@given(st.binary(max_size=2000), st.binary(min_size=4, max_size=4), st.binary(min_size=64, max_size=64))
def test_every_record_comes_back(body: bytes, key_id: bytes, signature: bytes) -> None:
    record = Record(body, key_id, signature)
    assert decode_record(encode_record(record)) == record


@given(
    st.binary(max_size=200)
    | st.recursive(st.none() | st.floats() | st.text() | st.integers(0, 9), st.lists).map(msgpack.packb)
)
def test_garbage_is_refused_and_nothing_else_happens(data: bytes) -> None:
    for decode in (decode_body, decode_record):
        with pytest.raises(StoreError):
            decode(data)


@given(st.data())
def test_one_flipped_bit_never_gives_the_same_event(data: st.DataObject) -> None:
    """Whatever a changed byte still parses as, its signature, key or hash does not hold."""
    row = data.draw(st.sampled_from(ROWS))
    record = bytearray.fromhex(row["record"])
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    record[bit // 8] ^= 1 << bit % 8
    assert leaf_hash(bytes(record)).hex() != row["leaf_hash"]
    try:
        parsed = decode_record(bytes(record))
        decode_body(parsed.body)
    except StoreError:
        return
    key = bytes.fromhex(KEYS["event_key"])
    assert parsed.key_id.hex() != KEYS["event_key_id"] or not ed25519.verify(key, parsed.signature, pae(parsed.body))


@pytest.mark.parametrize(
    ("canonical", "other"),
    [
        (b"\xc4\x07payload", b"\xc5\x00\x07payload"),  # bin 16 where bin 8 is enough
        (b"\xa5uid=0", b"\xd9\x05uid=0"),  # str 8 where fixstr is enough
        (b"\xa4kind\x01\x07", b"\xa4kind\x01\xcc\x07"),  # uint 8 where a fixint is enough
        (b"\x9c\x01", b"\xdc\x00\x0c\x01"),  # array 16
        (b"\xa4kind\x01\x07", b"\xa4kind\x01\xd3\x00\x00\x00\x00\x00\x00\x00\x07"),  # a signed number
    ],
)
def test_other_encodings_of_the_same_values_are_refused(canonical: bytes, other: bytes) -> None:
    good = encode_body(GOOD)
    assert good.count(canonical) == 1
    with pytest.raises(BadInput, match="canonical"):
        decode_body(good.replace(canonical, other))


def test_other_encodings_of_a_record_are_refused() -> None:
    good = encode_record(Record(b"body", b"abcd", bytes(64)))
    assert good.startswith(b"\x93\xc4\x04body\xc4\x04abcd")
    for other in (b"\xdc\x00\x03" + good[1:], good.replace(b"\xc4\x04body", b"\xc5\x00\x04body")):
        with pytest.raises(BadInput, match="canonical"):
            decode_record(other)


def test_trailing_bytes_are_refused() -> None:
    for decode, good in (
        (decode_body, encode_body(GOOD)),
        (decode_record, encode_record(Record(b"", bytes(4), bytes(64)))),
    ):
        with pytest.raises(BadInput):
            decode(good + b"\x00")


@pytest.mark.parametrize(
    "wrong",
    [
        {"payload": "text"}, {"payload": {}}, {"actor": b"bytes"}, {"leaf_index": True}, {"time_us": 1.0},
        {"kind": None},        {"leaf_index": -1},
        {"time_us": MAX_INTEGER + 1}, {"schema": 0}, {"schema": 65_536}, {"prev": bytes(31)},
        {"origin": ""}, {"stream": ""}, {"actor": ""}, {"kind": ""}, {"stream": "x" * 513}, {"origin": "ö" * 128},
        {"actor": "a\x1b[2J"}, {"stream": "a\nb"}, {"operation": "\x7f"}, {"stream": "bad \udc80 name"},
    ],
)  # fmt: skip
def test_what_cannot_be_recorded_is_refused_both_ways(wrong: dict[str, object]) -> None:
    body = GOOD._replace(**wrong)  # type: ignore[arg-type]
    with pytest.raises(BadInput):
        encode_body(body)
    with pytest.raises(BadInput):
        decode_body(msgpack.packb(body, unicode_errors="surrogatepass"))


def test_a_later_version_is_told_from_damage() -> None:
    with pytest.raises(UnknownFormat, match="version 2"):
        decode_body(msgpack.packb([2, "whatever", {}][:2]))


def test_a_record_holds_at_most_what_a_tile_can() -> None:
    overhead = len(encode_record(Record(b"x" * 1000, bytes(4), bytes(64)))) - 1000
    fits = Record(b"x" * (MAX_RECORD - overhead), bytes(4), bytes(64))
    assert len(encode_record(fits)) == MAX_RECORD
    too_long = msgpack.packb([fits.body + b"x", bytes(4), bytes(64)])
    with pytest.raises(BadInput, match="65535"):
        encode_record(fits._replace(body=fits.body + b"x"))
    with pytest.raises(BadInput, match="65535"):
        decode_record(too_long)


def test_pae_is_what_dsse_says() -> None:
    assert pae(b"hello") == b"DSSEv1 41 " + PAYLOAD_TYPE.encode() + b" 5 hello"
    assert body_hash(b"hello") == hashlib.sha256(b"hello").digest()
