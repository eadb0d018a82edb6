"""Reading in bulk gives what reading one by one gives, and takes nothing that reading one by one refuses."""

from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreError
from domain.events import bulk, codec
from domain.events.codec import to_plain
from domain.events.image import LayerReleased
from domain.events.registry import BY_KIND
from domain.ledger.bulk import decode_canonical, read_row
from domain.ledger.entry import Entry
from domain.ledger.raw import RawRow
from domain.ledger.record import (
    Body,
    Record,
    decode_body,
    decode_record,
    encode_record,
    entry_of,
    leaf_hash,
    read_body,
    read_record,
)
from domain.values import ImageId, LayerId
from tests.support.events import any_of, entries

EVENTS = st.sampled_from(sorted(BY_KIND)).flatmap(lambda kind: any_of(BY_KIND[kind]))
ANY = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=3)
    | st.binary(max_size=3)
)
ORIGIN = "storectl.local/test"


@given(event=EVENTS)
def test_every_event_decodes_the_same(event: Any) -> None:
    (entry,) = entries([event])
    assert bulk.decode(entry) == codec.decode(entry) == event


def outcome(decode: Any, entry: Entry) -> object:
    try:
        return decode(entry)
    except StoreError as error:
        return type(error), error.message


def test_text_that_is_not_utf_8_is_left_to_the_closer_look() -> None:
    packed = msgpack.packb(body(), use_bin_type=True).replace(b"root", b"r\xe3\xe3t")
    record = msgpack.packb([packed, bytes(4), bytes(64)], use_bin_type=True)
    assert read_row(row(body(), record=record), ORIGIN) is None
    assert outcome_of(decode_canonical, record) == outcome_of(plainly, record)
    (entry,) = entries([LayerReleased(LayerId("layer"), ImageId("image"))])
    entry = entry._replace(payload=entry.payload.replace(b"\xa5layer\xa5layer", b"\xa5layer\xa5lay\xe3r"))
    assert repr(outcome(bulk.decode, entry)) == repr(outcome(codec.decode, entry))


@given(event=EVENTS, data=st.data())
def test_a_payload_that_is_not_the_events_is_refused_with_the_same_words(event: Any, data: st.DataObject) -> None:
    (entry,) = entries([event])
    fields = to_plain(event)
    name = data.draw(st.sampled_from(sorted(fields)))
    change = data.draw(st.sampled_from(["value", "missing", "more", "renamed", "cut", "more bytes"]))
    if change == "value":
        fields[name] = data.draw(
            ANY | st.lists(ANY, max_size=2) | st.dictionaries(st.text(max_size=2), ANY, max_size=2)
        )
    elif change == "missing":
        del fields[name]
    elif change == "more":
        fields["and"] = 1
    elif change == "renamed":
        fields["and"] = fields.pop(name)
    payload = msgpack.packb(fields, use_bin_type=True)
    payload = {"cut": payload[:-1], "more bytes": payload + b"\xc0"}.get(change, payload)
    entry = entry._replace(payload=payload)
    bulky, plain = outcome(bulk.decode, entry), outcome(codec.decode, entry)
    assert repr(bulky) == repr(plain)  # as text: a float that is not a number equals nothing


def body(**change: Any) -> list[Any]:
    fields = Body(
        1, ORIGIN, 6, bytes(32), "image/a", 2, "image.named", 1, 1_000_000, "root", "0123456789abcdef", b"\x80"
    )
    return list(fields._replace(**change))


def row(fields: list[Any], **change: Any) -> RawRow:
    record = encode_record(Record(msgpack.packb(fields, use_bin_type=True), bytes(4), bytes(64)))
    return RawRow(7, "image/a", 2, "image.named", record, leaf_hash(record))._replace(**change)


def test_a_row_reads_the_same() -> None:
    plain = row(body())
    assert isinstance(plain.record, bytes)
    record = read_record(plain.record)
    assert isinstance(plain.leaf_hash, bytes)
    assert read_row(plain, ORIGIN) == entry_of(read_body(record.body), record, plain.leaf_hash)


@pytest.mark.parametrize("change", [
    {"version": 2}, {"origin": "another"}, {"leaf_index": 5}, {"leaf_index": True}, {"leaf_index": 6.0},
    {"prev": bytes(31)},
    {"prev": "0" * 32}, {"stream": "image/b"}, {"stream_version": 1}, {"kind": "image.pulled"}, {"schema": 0},
    {"schema": 65_536}, {"time_us": -1}, {"time_us": 2**63}, {"time_us": 1.0}, {"actor": ""}, {"actor": "a\x07"},
    {"actor": "a\x7f"}, {"actor": "a" * 513}, {"operation": "a" * 129}, {"payload": "text"}, {"payload": None},
])  # fmt: skip
def test_a_row_that_is_not_plainly_right_needs_a_closer_look(change: dict[str, Any]) -> None:
    assert read_row(row(body(**change)), ORIGIN) is None


@pytest.mark.parametrize("change", [
    {"position": 8}, {"stream": "image/b"}, {"stream_version": 1}, {"kind": "image.pulled"}, {"record": None},
    {"record": 7}, {"record": "text"}, {"record": b""}, {"leaf_hash": None}, {"leaf_hash": "text"},
    {"record": msgpack.packb([msgpack.packb(body()), bytes(3), bytes(64)])},
    {"record": msgpack.packb([msgpack.packb(body()), bytes(4), bytes(63)])},
    {"record": msgpack.packb([msgpack.packb(body()), bytes(4), bytes(64)]) + b"\xc0"},
    {"record": msgpack.packb([msgpack.packb([*body(), 1]), bytes(4), bytes(64)])},
])  # fmt: skip
def test_columns_and_records_that_do_not_fit_need_a_closer_look(change: dict[str, Any]) -> None:
    assert read_row(row(body(), **change), ORIGIN) is None


def plainly(data: bytes) -> tuple[Record, Body]:
    record = decode_record(data)
    return record, decode_body(record.body)


@given(
    numbers=st.lists(st.integers(0, 2**63 - 2), min_size=4, max_size=4),
    text=st.text(min_size=1, max_size=300),
    payload=st.binary(max_size=70_000),
    data=st.data(),
)
def test_only_the_one_encoding_is_canonical(numbers: list[int], text: str, payload: bytes, data: st.DataObject) -> None:
    index, version, schema, time_us = numbers
    fields = body(leaf_index=index, stream_version=version, schema=schema % 65_536, time_us=time_us, actor=text,
                  stream=text, payload=payload)  # fmt: skip
    packed = msgpack.packb(fields, use_bin_type=True)
    record = bytearray(msgpack.packb([packed, bytes(4), bytes(64)], use_bin_type=True))
    change = data.draw(st.sampled_from(["none", "flip", "cut", "more", "wider"]))
    if change == "flip":
        record[data.draw(st.integers(0, min(len(record) - 1, 2000)))] ^= 1 << data.draw(st.integers(0, 7))
    elif change == "cut":
        del record[-1]
    elif change == "more":
        record += b"\xc0"
    elif change == "wider":
        # The version, which takes a byte, in nine.
        packed = packed.replace(b"\x9c\x01", b"\x9c\xcf" + bytes(7) + b"\x01", 1)
        record = bytearray(msgpack.packb([packed, bytes(4), bytes(64)], use_bin_type=True))
    assert outcome_of(decode_canonical, bytes(record)) == outcome_of(plainly, bytes(record))


def outcome_of(read: Any, record: bytes) -> object:
    try:
        return read(record)
    except StoreError as error:
        return type(error), error.message
