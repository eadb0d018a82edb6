"""Keys by name: key ids, verifier keys, and the keys that the log's first event brings.

A verifier key ("vkey") is what an auditor is given out of band (C2SP signed-note):

    <name>+<key id, 8 hex digits>+<base64(0x01 ‖ public key)>      key id = SHA-256(name ‖ 0x0A ‖ 0x01 ‖ public key)[:4]

The log key's name is the log's origin; the event key's and the root key's have `/event` and `/root` after it. Which
key may sign where, once keys have changed, is domain.ledger.key_schedule's matter.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import msgpack

from domain.errors import BadInput, Usage

PUBLIC_KEY_BYTES = 32
GENESIS_KIND = "store.initialised"

_ED25519 = b"\x01"
_NOT_IN_NAMES = re.compile(r"[\s+\ud800-\udfff]")
_HEX8 = re.compile(r"[0-9a-f]{8}")

Verify = Callable[[bytes, bytes, bytes], bool]
"""(public key, signature, data) → whether the Ed25519 signature holds. Safe to call from several threads."""


class Signer(Protocol):
    """An Ed25519 private key, wherever it lies."""

    @property
    def public_key(self) -> bytes:
        """32 bytes."""

    def sign(self, data: bytes) -> bytes:
        """64 bytes. Safe to call from several threads."""


def key_id(name: str, public_key: bytes) -> bytes:
    """The 4 bytes that a signature carries to say which key made it: a hint, never a proof."""
    return hashlib.sha256(name.encode() + b"\n" + _ED25519 + public_key).digest()[:4]


def event_key_name(origin: str) -> str:
    return f"{origin}/event"


def root_key_name(origin: str) -> str:
    return f"{origin}/root"


def is_key_name(text: str) -> bool:
    """A name that signed notes can carry: not empty, valid Unicode, no white space, no '+'."""
    return bool(text) and not _NOT_IN_NAMES.search(text)


@dataclass(frozen=True, slots=True)
class VerifierKey:
    """A public key with the name that it signs under; `str()` gives the vkey."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return key_id(self.name, self.public_key)

    def __str__(self) -> str:
        return f"{self.name}+{self.key_id.hex()}+{base64.b64encode(_ED25519 + self.public_key).decode()}"


def parse_vkey(text: str) -> VerifierKey:
    """A verifier key as people hand it on. Raises Usage."""
    hint = "a verifier key is NAME+ID+KEY, as 'storectl keys show --format vkey' prints it"
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    data = from_base64(encoded)
    if not is_key_name(name) or not _HEX8.fullmatch(identity) or data is None:
        raise Usage(f"not a verifier key: {text!r}", hint=hint)
    if data[:1] != _ED25519 or len(data) != 1 + PUBLIC_KEY_BYTES:
        raise Usage(f"the verifier key of {name} is not an Ed25519 key", hint=hint)
    key = VerifierKey(name, data[1:])
    if key.key_id.hex() != identity:
        raise Usage(f"the verifier key of {name} is damaged: its id is {identity}, its content's {key.key_id.hex()}")
    return key


def from_base64(text: str) -> bytes | None:
    """Standard base64 with padding, in its one canonical form; None for anything else."""
    try:
        data = base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError):
        return None
    return data if base64.b64encode(data).decode() == text else None


@dataclass(frozen=True, slots=True)
class Genesis:
    """What the log's first event says about the log itself: the root from which every later key follows.

    `root_key` is that of the offline root, None for a log without one. Keys are 32 bytes.
    """

    store: str
    origin: str
    log_key: bytes
    event_key: bytes
    root_key: bytes | None = None


def parse_genesis(kind: str, payload: bytes) -> Genesis:
    """The first event's payload, a MessagePack map; fields that it has besides are not looked at. Raises BadInput."""
    if kind != GENESIS_KIND:
        raise BadInput(f"the log's first event is {kind!r} instead of {GENESIS_KIND!r}")
    try:
        fields = msgpack.unpackb(payload, raw=False)
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise BadInput(f"the first event's data is not MessagePack: {error or type(error).__name__}") from error
    if not isinstance(fields, Mapping):
        raise BadInput("the first event's data is not a map")
    store, origin = fields.get("store"), fields.get("origin")
    log_key, event_key, root_key = fields.get("log_key"), fields.get("event_key"), fields.get("root_key")
    if type(store) is not str or type(origin) is not str:
        raise BadInput("the first event does not name its store and origin")
    if type(log_key) is not bytes or type(event_key) is not bytes or {len(log_key), len(event_key)} != {32}:
        raise BadInput("the first event does not carry two public keys of 32 bytes")
    if root_key is not None and (type(root_key) is not bytes or len(root_key) != PUBLIC_KEY_BYTES):
        raise BadInput("the first event's root key is not 32 bytes")
    if len({log_key, event_key, root_key}) != 3:
        raise BadInput("the first event uses one key for two purposes")
    return Genesis(store, origin, log_key, event_key, root_key)
