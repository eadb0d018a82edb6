"""Reading events by the hundred thousand: arrays, types and dataclasses are checked in C (msgspec).

Only for what is plainly right: anything else is left to `record`, which takes it after all or says what is wrong.
Importing msgspec takes a command longer than a few events read plainly, so only long reads come here.
"""

import msgspec

from domain.ledger.entry import Entry
from domain.ledger.raw import RawRow
from domain.ledger.record import MAX_RECORD, VERSION, Body, Record, decode_body, decode_record, is_plain

NOT_PLAIN = (msgspec.MsgspecError, ValueError, TypeError)
"""What msgspec raises: ValueError (UnicodeDecodeError) for text that is none, TypeError for what is no bytes at all."""

_record = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode
_body = msgspec.msgpack.Decoder(
    tuple[int, str, int, bytes, str, int, str, int, int, str, str, bytes]
).decode  # fmt: skip


_encode = msgspec.msgpack.Encoder().encode


def decode_canonical(data: bytes) -> tuple[Record, Body]:
    """The record, and the body in it, that these bytes are the one encoding of. Raises as record.decode_record and
    record.decode_body do, which say what is wrong with what is not plainly right.
    """
    try:
        parts = _record(data)
        fields = _body(parts[0])
        plain = (
            fields[0] == VERSION and len(parts[1]) == 4 and len(parts[2]) == 64 and len(data) <= MAX_RECORD
            and _encode(parts) == data and _encode(fields) == parts[0] and is_plain(fields)
        )  # fmt: skip
    except NOT_PLAIN:
        plain = False
    if plain:
        return Record._make(parts), Body._make(fields)
    record = decode_record(data)
    return record, decode_body(record.body)


def read_row(row: RawRow, origin: str) -> Entry | None:
    """The event in a row of the log of that origin; None where it needs a closer look."""
    position, stream, stream_version, kind, record, leaf = row
    try:
        body, identity, signature = _record(record)  # type: ignore[arg-type]  # whatever it is
        fields = _body(body)
    except NOT_PLAIN:
        return None
    if (
        fields[1] != origin or fields[2] + 1 != position or fields[4] != stream or fields[5] != stream_version
        or fields[6] != kind or fields[0] != VERSION or len(identity) != 4 or len(signature) != 64
        or type(leaf) is not bytes or len(record) > MAX_RECORD or not is_plain(fields)  # type: ignore[arg-type]
    ):  # fmt: skip
        return None
    return Entry._make((*fields[2:], identity, signature, leaf))
