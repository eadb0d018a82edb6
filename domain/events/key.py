"""Events of the log's own keys. domain/ledger/key_schedule.py reads the same payloads, without knowing of events."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from domain.ledger.key_changes import ADDED, KEY_STREAM, REVOKED, ROTATED

KeyRole = Literal["log", "event"]


@dataclass(frozen=True, slots=True)
class KeyAdded:
    """A key that the root key answers for: one of the first event's (`replaces` is None), or a new one in the place of
    the one in force, which is lost or no longer only its owner's.
    """

    kind: ClassVar[str] = ADDED
    schema: ClassVar[int] = 1
    role: KeyRole
    key: bytes
    replaces: bytes | None
    key_signature: bytes
    root_signature: bytes

    @property
    def stream(self) -> str:
        return KEY_STREAM


@dataclass(frozen=True, slots=True)
class KeyRotated:
    """The key in force handed on to a new one; both signed that."""

    kind: ClassVar[str] = ROTATED
    schema: ClassVar[int] = 1
    role: KeyRole
    old_key: bytes
    new_key: bytes
    old_signature: bytes
    new_signature: bytes

    @property
    def stream(self) -> str:
        return KEY_STREAM


@dataclass(frozen=True, slots=True)
class KeyRevoked:
    """What the key signed after position `last_good` can be put down to nobody. The root key signed that."""

    kind: ClassVar[str] = REVOKED
    schema: ClassVar[int] = 1
    role: KeyRole
    key: bytes
    last_good: int
    reason: str
    root_signature: bytes

    @property
    def stream(self) -> str:
        return KEY_STREAM
