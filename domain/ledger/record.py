"""One event's bytes: body, DSSE pre-authentication encoding, record, leaf hash (docs/reference/log-format.md).

    body   = MessagePack [1, origin, index, prev, stream, stream_version,
                          kind, schema, time_us, actor, operation, payload]
    record = MessagePack [body, key id, signature]
    leaf   = SHA-256(0x00 ‖ record)        (RFC 6962, section 2.1)
    prev   = SHA-256(the previous body)    (not of its record, so that a batch's signatures can be made in parallel)

There is exactly one encoding of each value: what does not come out byte for byte when it is packed again is refused.
"""

import hashlib
import re
from typing import NamedTuple

import msgpack

from domain.errors import BadInput, UnknownFormat
from domain.ledger.entry import Entry

VERSION = 1
PAYLOAD_TYPE = "application/vnd.storectl.event.v1+msgpack"
MAX_RECORD = 65_535  # bytes: an entry's length in C2SP tlog-tiles is a uint16
MAX_INTEGER = 2**63 - 2  # SQLite and PostgreSQL integers are signed; position = index + 1 has to fit, too
MAX_SCHEMA = 65_535
FIRST_PREV = bytes(32)
# Bytes of UTF-8, (least, most).
_TEXT_LIMITS = (("origin", 1, 255), ("stream", 1, 512), ("kind", 1, 128), ("actor", 1, 512), ("operation", 0, 128))

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_PAE_PREFIX = b"DSSEv1 %d %s " % (len(PAYLOAD_TYPE), PAYLOAD_TYPE.encode())


class Body(NamedTuple):
    """What is signed, in its order. `leaf_index` counts from 0, `prev` is 32 bytes, `time_us` since the epoch, UTC."""

    version: int
    origin: str
    leaf_index: int  # not `index`, which every tuple has already
    prev: bytes
    stream: str
    stream_version: int
    kind: str
    schema: int
    time_us: int
    actor: str
    operation: str
    payload: bytes


class Record(NamedTuple):
    """A record taken apart: the body's bytes, the key id (4 bytes) and the Ed25519 signature (64 bytes)."""

    body: bytes
    key_id: bytes
    signature: bytes


_RECORD_TYPES = [bytes, bytes, bytes]
_TYPES = (int, str, int, bytes, str, int, str, int, int, str, str, bytes)


def encode_body(body: Body) -> bytes:
    """The one encoding of a body. Raises BadInput, naming the field that cannot be recorded."""
    _check(body)
    try:
        return msgpack.packb(body, use_bin_type=True)  # type: ignore[no-any-return]
    except UnicodeEncodeError as error:
        raise BadInput(f"an event's text is not valid Unicode: {error.object!r}") from error


def decode_body(data: bytes) -> Body:
    """The body that these bytes are the one encoding of. Raises BadInput; UnknownFormat for a later version."""
    body = read_body(data)
    if msgpack.packb(body, use_bin_type=True) != data:
        raise BadInput("the event's body is not in its canonical encoding")
    return body


def read_body(data: bytes) -> Body:
    """As decode_body, without packing again: for bytes whose encoding something else answers for."""
    fields = _unpack(data, "body")
    if type(fields) is not list or not fields or type(fields[0]) is not int:
        raise BadInput("the event's body is not an array that begins with a version")
    if fields[0] != VERSION:
        raise UnknownFormat(
            f"the event's body has version {fields[0]}, this program knows {VERSION}", hint="use a newer storectl"
        )
    if len(fields) != len(_TYPES):
        raise BadInput(f"the event's body has {len(fields)} fields instead of {len(_TYPES)}")
    body = Body._make(fields)
    _check(body)
    return body


def encode_record(record: Record) -> bytes:
    """What is stored, and hashed into the tree. Raises BadInput over 65,535 bytes."""
    data: bytes = msgpack.packb(record, use_bin_type=True)
    if len(data) > MAX_RECORD:
        raise BadInput(f"the event takes {len(data)} bytes; at most {MAX_RECORD} can be recorded")
    return data


def decode_record(data: bytes) -> Record:
    """The record that these bytes are the one encoding of. Raises BadInput."""
    record = read_record(data)
    if msgpack.packb(record, use_bin_type=True) != data:
        raise BadInput("the record is not in its canonical encoding")
    return record


def read_record(data: bytes) -> Record:
    """As decode_record, without packing again."""
    if len(data) > MAX_RECORD:
        raise BadInput(f"the record takes {len(data)} bytes; at most {MAX_RECORD} are allowed")
    fields = _unpack(data, "record")
    if type(fields) is not list or list(map(type, fields)) != _RECORD_TYPES:
        raise BadInput("the record is not an array of three byte strings")
    if len(fields[1]) != 4 or len(fields[2]) != 64:
        raise BadInput("the record's key id or signature has the wrong length")
    return Record._make(fields)


def pae(body: bytes) -> bytes:
    """The bytes that the event key signs: DSSE v1's PAE(type, body) (secure-systems-lab/dsse, protocol.md)."""
    return b"%s%d %s" % (_PAE_PREFIX, len(body), body)


def leaf_hash(record: bytes) -> bytes:
    return hashlib.sha256(b"\0" + record).digest()


def body_hash(body: bytes) -> bytes:
    """What the next event's `prev` has to be."""
    return hashlib.sha256(body).digest()


def entry_of(body: Body, record: Record, leaf: bytes) -> Entry:
    """The event as the rest of the program sees it."""
    # An entry's fields are the body's from the index on, in the same order; then come the record's.
    return Entry._make((*body[2:], record.key_id, record.signature, leaf))


def _unpack(data: bytes, what: str) -> object:
    try:
        return msgpack.unpackb(data, raw=False, max_array_len=len(_TYPES), max_map_len=0, max_ext_len=0)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        # Some of the library's exceptions say nothing: their name is the message then.
        raise BadInput(f"the event's {what} is not MessagePack: {error or type(error).__name__}") from error


def _check(body: Body) -> None:
    if tuple(map(type, body)) != _TYPES:
        wrong = next(
            name for name, field, wanted in zip(Body._fields, body, _TYPES, strict=True) if type(field) is not wanted
        )
        raise BadInput(f"the event's {wrong} has the wrong type")
    if is_plain(body):
        return
    if len(body.prev) != len(FIRST_PREV):
        raise BadInput("the event's prev is not 32 bytes")
    if not 1 <= body.schema <= MAX_SCHEMA:
        raise BadInput(f"the event's schema is {body.schema}")
    numbers = (body.leaf_index, body.stream_version, body.time_us)
    if min(numbers) < 0 or max(numbers) > MAX_INTEGER:
        raise BadInput("the event's index, stream version or time is out of range")
    _check_text((body.origin, body.stream, body.kind, body.actor, body.operation))


def is_plain(body: tuple[int, str, int, bytes, str, int, str, int, int, str, str, bytes]) -> bool:
    """Whether every field of the right type is within its limits, told at one glance: nearly every event's are.

    Printable ASCII has no control characters, and takes as many bytes as it has characters.
    """
    _, origin, index, prev, stream, stream_version, kind, schema, time_us, actor, operation, _ = body
    text = f"{origin}{stream}{kind}{actor}{operation}"
    return (
        text.isascii() and text.isprintable() and len(prev) == 32 and 1 <= schema <= MAX_SCHEMA
        and 0 <= index <= MAX_INTEGER and 0 <= stream_version <= MAX_INTEGER and 0 <= time_us <= MAX_INTEGER
        and 1 <= len(origin) <= 255 and 1 <= len(stream) <= 512 and 1 <= len(kind) <= 128 and 1 <= len(actor) <= 512
        and len(operation) <= 128
    )  # fmt: skip


def _check_text(fields: tuple[str, str, str, str, str]) -> None:
    text = "".join(fields)
    if _CONTROL.search(text):
        raise BadInput(f"the event's origin, stream, kind, actor or operation holds a control character: {text!r}")
    for field, (name, least, most) in zip(fields, _TEXT_LIMITS, strict=True):
        length = len(field.encode("utf-8", "surrogatepass"))
        if not least <= length <= most:
            raise BadInput(f"the event's {name} takes {length} bytes; allowed are {least} to {most}")
