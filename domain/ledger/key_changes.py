"""What the log says about its keys after the first event: a key added, rotated, or revoked.

Each of the three carries signatures over a statement, by which the keys answer for the change themselves:

    statement = MessagePack [1, action, origin, index, role, root key, old key, new key, last good, reason]
    signed    = DSSE pre-authentication encoding of it, with a payload type of its own

The index is the event's, so that a statement serves at one place of one log only. See docs/reference/log-format.md.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args

import msgpack

from domain.errors import BadInput, UnknownFormat
from domain.ledger.keys import PUBLIC_KEY_BYTES

KEY_STREAM = "keys"
ADDED, ROTATED, REVOKED = "key.added", "key.rotated", "key.revoked"
STATEMENT_TYPE = "application/vnd.storectl.key-statement.v1+msgpack"

Role = Literal["log", "event"]
ROLES: tuple[Role, ...] = get_args(Role)

_SCHEMA = 1
_SIGNATURE_BYTES = 64
_MAX_REASON = 1024  # bytes


@dataclass(frozen=True, slots=True)
class Added:
    """A key that the root answers for. `replaces` is the key in force until then; None where the root certifies a key
    of the first event.
    """

    role: Role
    key: bytes
    replaces: bytes | None
    key_signature: bytes
    root_signature: bytes


@dataclass(frozen=True, slots=True)
class Rotated:
    """A key handed on: both sign."""

    role: Role
    old_key: bytes
    new_key: bytes
    old_signature: bytes
    new_signature: bytes


@dataclass(frozen=True, slots=True)
class Revoked:
    """What the key signed after position `last_good` (for the log key: sizes beyond it) is nobody's word any more."""

    role: Role
    key: bytes
    last_good: int
    reason: str
    root_signature: bytes


KeyChange = Added | Rotated | Revoked


@dataclass(frozen=True, slots=True)
class Statement:
    """What keys sign about keys. `root` is the log's root key; keys that do not apply are empty."""

    action: Literal["add", "rotate", "revoke"]
    origin: str
    index: int
    role: Role
    root: bytes
    old: bytes = b""
    new: bytes = b""
    last_good: int = 0
    reason: str = ""

    def signed_bytes(self) -> bytes:
        """The bytes that are signed, which no event and no checkpoint can be taken for."""
        fields = [
            1, self.action, self.origin, self.index, self.role, self.root, self.old, self.new, self.last_good,
            self.reason,
        ]  # fmt: skip
        data: bytes = msgpack.packb(fields, use_bin_type=True)
        return b"DSSEv1 %d %s %d %s" % (len(STATEMENT_TYPE), STATEMENT_TYPE.encode(), len(data), data)


def statement_of(change: KeyChange, origin: str, index: int, root: bytes | None) -> Statement:
    """What has to be signed for that change as the event at `index` of that log."""
    if isinstance(change, Added):
        return Statement("add", origin, index, change.role, root or b"", change.replaces or b"", change.key)
    if isinstance(change, Rotated):
        return Statement("rotate", origin, index, change.role, root or b"", change.old_key, change.new_key)
    return Statement(
        "revoke", origin, index, change.role, root or b"", change.key, b"", change.last_good, change.reason
    )


def is_about_keys(stream: str, kind: str) -> bool:
    """Whether an event changes keys, by its stream or by its kind: verification refuses where they do not agree."""
    return stream == KEY_STREAM or kind in (ADDED, ROTATED, REVOKED)


def parse_key_change(stream: str, kind: str, schema: int, payload: bytes) -> KeyChange:
    """An event of the stream `keys`. Raises BadInput; UnknownFormat for a kind or schema of a newer version."""
    if stream != KEY_STREAM:
        raise BadInput(f"it is a {kind!r} in the stream {stream!r} instead of {KEY_STREAM!r}")
    if kind not in (ADDED, ROTATED, REVOKED) or schema != _SCHEMA:
        raise UnknownFormat(
            f"it changes keys in a way that this version does not know ({kind!r}, schema {schema})",
            hint="use a newer storectl",
        )
    fields = _unpacked(payload)
    role = cast("Role", _field(fields, "role", str))
    if role not in ROLES:
        raise BadInput(f"it changes a key of the unknown role {role!r}")
    if kind == ADDED:
        replaces = None if fields.get("replaces") is None else _key(fields, "replaces")
        return Added(
            role, _key(fields, "key"), replaces, _signature(fields, "key_signature"),
            _signature(fields, "root_signature"),
        )  # fmt: skip
    if kind == ROTATED:
        return Rotated(
            role, _key(fields, "old_key"), _key(fields, "new_key"), _signature(fields, "old_signature"),
            _signature(fields, "new_signature"),
        )  # fmt: skip
    reason = cast("str", _field(fields, "reason", str))
    if len(reason.encode("utf-8", "surrogatepass")) > _MAX_REASON:
        raise BadInput(f"its reason takes more than {_MAX_REASON} bytes")
    last_good = cast("int", _field(fields, "last_good", int))
    return Revoked(role, _key(fields, "key"), last_good, reason, _signature(fields, "root_signature"))


def _unpacked(payload: bytes) -> Mapping[str, Any]:
    try:
        fields = msgpack.unpackb(payload, raw=False)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise BadInput(f"its data is not MessagePack: {error or type(error).__name__}") from error
    if not isinstance(fields, Mapping):
        raise BadInput("its data is not a map")
    return fields


def _field(fields: Mapping[str, Any], name: str, wanted: type) -> object:
    value = fields.get(name)
    if type(value) is not wanted:
        raise BadInput(f"its {name} is missing, or not {wanted.__name__}")
    return value


def _key(fields: Mapping[str, Any], name: str) -> bytes:
    return _bytes(fields, name, PUBLIC_KEY_BYTES)


def _signature(fields: Mapping[str, Any], name: str) -> bytes:
    return _bytes(fields, name, _SIGNATURE_BYTES)


def _bytes(fields: Mapping[str, Any], name: str, length: int) -> bytes:
    value = cast("bytes", _field(fields, name, bytes))
    if len(value) != length:
        raise BadInput(f"its {name} is not {length} bytes")
    return value
