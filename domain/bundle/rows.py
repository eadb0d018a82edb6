"""One event as a line of events.jsonl, from its record alone: no knowledge of kinds is needed to make or to check it.

`data` is the payload as JSON: bytes as lower-case hex. A payload that is not a MessagePack map which JSON can express
is `{"payload": BASE64}` instead: it is signed all the same.
"""

import base64
import json
import math
from collections.abc import Mapping
from typing import Any

import msgpack

from domain.ledger.record import Body, Record
from domain.times import format_time

MAX_DEPTH = 32  # of what is nested in a payload
_LAST_US = 253_402_300_799_999_999

Document = dict[str, Any]


def type_of(kind: str) -> str:
    """`image.bound` is `ImageBound` (domain.events.base.type_name, without the class)."""
    return "".join(word[:1].upper() + word[1:] for word in kind.replace("-", ".").split("."))


def time_text(time_us: int) -> str:
    """As domain.times.format_time; the microseconds themselves after the year 9999, where RFC 3339 ends."""
    return format_time(time_us) if time_us <= _LAST_US else str(time_us)


def event_document(store: str, record: bytes, parts: Record, body: Body, leaf: bytes) -> Document:
    """The public JSON form of an event, as `history --json` gives it, and what leads back to its bytes."""
    return {
        "position": body.leaf_index + 1,
        "time": time_text(body.time_us),
        "type": type_of(body.kind),
        "store": store,
        "operation": body.operation,
        "actor": body.actor,
        "key": parts.key_id.hex(),
        "data": data_of(body.payload),
        "leaf_hash": leaf.hex(),
        "signature": base64.b64encode(parts.signature).decode(),
        "stream": body.stream,
        "stream_version": body.stream_version,
        "kind": body.kind,
        "schema": body.schema,
        "record": base64.b64encode(record).decode(),
    }


def event_line(document: Document) -> bytes:
    """The document as one line."""
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def data_of(payload: bytes) -> object:
    """The payload as JSON has it."""
    try:
        fields = msgpack.unpackb(payload, raw=False)
        if isinstance(fields, dict):
            return _as_json(fields, MAX_DEPTH)
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        pass
    return {"payload": base64.b64encode(payload).decode()}


def _as_json(value: object, depth: int) -> object:
    if not depth:
        raise ValueError("nested too deeply")
    if value is None or isinstance(value, bool | str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [_as_json(item, depth - 1) for item in value]
    if isinstance(value, Mapping) and all(isinstance(key, str) for key in value):
        return {key: _as_json(item, depth - 1) for key, item in value.items()}
    raise TypeError(f"JSON has no {type(value).__name__}")
