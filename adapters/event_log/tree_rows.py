"""The tree's hashes by rows (domain.ledger.proofs.Row): leaf hashes from the log, the rows above from a cache.

The cache is a file of what can be hashed again at any time, and nothing is believed because it stands there: whoever
makes a proof checks it against the log's signed root before giving it away.

    SHA-256 of what follows ‖ count of row 1 (8 bytes, big-endian) ‖ row 1 ‖ row 2 ‖ …

Row n + 1 has one hash for 256 of row n.
"""

import hashlib
from collections.abc import Sequence
from typing import Protocol

from adapters.event_log.reader import LogReader
from domain.ledger.merkle import HASH_BYTES, root_hash
from domain.ledger.proofs import TILE_WIDTH

_COUNT_BYTES = 8
_BATCH = 64  # tiles of leaf hashes read at a time when rows are made


class Cache(Protocol):
    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class TreeRows:
    """Rows of the log's tree. Hashes only what has become complete since the cache was written."""

    def __init__(self, reader: LogReader, cache: Cache) -> None:
        self._reader = reader
        self._cache = cache
        self._rows: list[list[bytes]] | None = None

    def hashes(self, row: int, start: int, stop: int) -> Sequence[bytes]:
        """Raises Tampered where the log has no such leaves, or a leaf hash is not one."""
        if row == 0:
            return self._reader.leaf_hashes(start, stop)
        if self._rows is None:
            self._rows = _parsed(self._cache.read())
        if len(self._rows[0]) < stop * TILE_WIDTH ** (row - 1):
            self._extend(self._rows)
        return self._rows[row - 1][start:stop]

    def rebuild(self) -> None:
        """Forget the cache; the rows are hashed anew from the leaves when they are next asked for."""
        self._rows = [[]]

    def _extend(self, rows: list[list[bytes]]) -> None:
        full = self._reader.size // TILE_WIDTH
        for number in range(len(rows[0]), full, _BATCH):
            stop = min(number + _BATCH, full)
            leaves = self._reader.leaf_hashes(number * TILE_WIDTH, stop * TILE_WIDTH)
            rows[0] += [root_hash(leaves[at : at + TILE_WIDTH]) for at in range(0, len(leaves), TILE_WIDTH)]
        _raise_rows(rows)
        content = len(rows[0]).to_bytes(_COUNT_BYTES, "big") + b"".join(b"".join(row) for row in rows)
        self._cache.write(hashlib.sha256(content).digest() + content)


def _raise_rows(rows: list[list[bytes]]) -> None:
    """Add what is missing of row 2 and above."""
    for number, row in enumerate(rows):
        full = len(row) // TILE_WIDTH
        if full and number + 1 == len(rows):
            rows.append([])  # the loop goes on with it
        if full:
            above = rows[number + 1]
            above += [root_hash(row[at * TILE_WIDTH : (at + 1) * TILE_WIDTH]) for at in range(len(above), full)]


def _parsed(data: bytes) -> list[list[bytes]]:
    """The cached rows; nothing where the file is not whole."""
    checksum, data = data[:HASH_BYTES], data[HASH_BYTES:]
    if hashlib.sha256(data).digest() != checksum:
        return [[]]
    count = int.from_bytes(data[:_COUNT_BYTES], "big")
    rows, at = [], _COUNT_BYTES
    while count:
        end = at + count * HASH_BYTES
        rows.append([data[n : n + HASH_BYTES] for n in range(at, min(end, len(data)), HASH_BYTES)])
        at, count = end, count // TILE_WIDTH
    return rows if rows and at == len(data) else [[]]
