"""What is appended to the log, and what is read back from it."""

from dataclasses import dataclass
from typing import NamedTuple


@dataclass(frozen=True, slots=True)
class Draft:
    """An event on its way into the log: what the log does not decide itself.

    `payload` is canonical MessagePack; the log never looks inside.
    """

    stream: str
    kind: str
    schema: int
    payload: bytes


class Entry(NamedTuple):
    """One event as the log holds it: the fields of its body, its signature, and where it stands.

    `prev` and `leaf_hash` are 32 bytes, `key_id` 4, `signature` 64; `time_us` is microseconds since the epoch, UTC.
    A tuple, because a history is read a million at a time, and a frozen dataclass takes five times as long to make.
    """

    index: int  # type: ignore[assignment]  # every tuple has a method of that name, which nobody needs here
    prev: bytes
    stream: str
    stream_version: int
    kind: str
    schema: int
    time_us: int
    actor: str
    operation: str
    payload: bytes
    key_id: bytes
    signature: bytes
    leaf_hash: bytes

    @property
    def position(self) -> int:
        """As people and the command line count: from 1."""
        return self.index + 1


@dataclass(frozen=True, slots=True)
class Head:
    """The log's end: its size in events, the RFC 6962 root hash, the last event's time, the signed checkpoint."""

    size: int
    root_hash: bytes
    time_us: int
    checkpoint: str
