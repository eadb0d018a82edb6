"""Reading events by the hundred thousand: arrays, types and dataclasses are checked in C (msgspec).

Only for what is plainly right: anything else is left to `record`, which takes it after all or says what is wrong.
Importing msgspec takes a command longer than a few events read plainly, so only long reads come here.
"""

import msgspec

from domain.ledger.entry import Entry
from domain.ledger.raw import RawRow
from domain.ledger.record import MAX_RECORD, VERSION, is_plain

_record = msgspec.msgpack.Decoder(tuple[bytes, bytes, bytes]).decode
_body = msgspec.msgpack.Decoder(
    tuple[int, str, int, bytes, str, int, str, int, int, str, str, bytes]
).decode  # fmt: skip


def read_row(row: RawRow, origin: str) -> Entry | None:
    """The event in a row of the log of that origin; None where it needs a closer look."""
    position, stream, stream_version, kind, record, leaf = row
    try:
        body, identity, signature = _record(record)  # type: ignore[arg-type]  # whatever it is
        fields = _body(body)
    except (msgspec.MsgspecError, TypeError):
        return None
    if (
        fields[1] != origin or fields[2] + 1 != position or fields[4] != stream or fields[5] != stream_version
        or fields[6] != kind or fields[0] != VERSION or len(identity) != 4 or len(signature) != 64
        or type(leaf) is not bytes or len(record) > MAX_RECORD or not is_plain(fields)  # type: ignore[arg-type]
    ):  # fmt: skip
        return None
    return Entry._make((*fields[2:], identity, signature, leaf))
