"""A log as it lies in its storage, nothing believed yet: what verification reads."""

from collections.abc import Iterator
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import NamedTuple, Protocol


class RawRow(NamedTuple):
    """One stored event. Any column may hold anything, where somebody wrote to the file behind the program's back."""

    position: int
    stream: object
    stream_version: object
    kind: object
    record: object
    leaf_hash: object


class RawHead(NamedTuple):
    """The head row, which the next append builds on. `frontier` is the tree's nodes, 32 bytes each, in one string."""

    origin: object
    size: object
    prev: object
    time_us: object
    frontier: object
    checkpoint: object


@dataclass(frozen=True, slots=True)
class RawLog:
    """Head and rows of one and the same moment. `head` is None where the row is missing."""

    head: RawHead | None
    rows: Iterator[RawRow]


class RawSource(Protocol):
    def snapshot(self, after: int = 0) -> AbstractContextManager[RawLog]:
        """Rows in the order of their position, only those beyond `after`.

        Raises Failed, BadInput or UnknownFormat where it cannot be read.
        """
