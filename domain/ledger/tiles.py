"""C2SP tlog-tiles: which files a log of some size is served as, and how an entry bundle is written.

    checkpoint                   the signed tree head
    tile/<L>/<N>[.p/<W>]         hashes: 256 of row L (32 bytes each), or W where the tile is partial
    tile/entries/<N>[.p/<W>]     the records, each with its length before it (uint16, big-endian)

N is written in groups of three digits, all but the last with an `x` before them: x001/x234/067.
"""

import struct
from collections.abc import Iterable, Iterator
from typing import NamedTuple

from domain.errors import BadInput
from domain.ledger.proofs import TILE_HEIGHT, TILE_WIDTH

ENTRIES = "entries"
_LENGTH = struct.Struct(">H")


class Tile(NamedTuple):
    """One tile: `row` of hashes (None: the entry bundle), its number in the row, and how many it holds."""

    row: int | None
    number: int
    width: int

    @property
    def path(self) -> str:
        """Its place below the log's prefix."""
        digits = f"{self.number:d}"
        digits = digits.zfill(-(-len(digits) // 3) * 3)
        groups = [digits[at : at + 3] for at in range(0, len(digits), 3)]
        name = "/".join([*(f"x{group}" for group in groups[:-1]), groups[-1]])
        partial = f".p/{self.width}" if self.width < TILE_WIDTH else ""
        return f"tile/{ENTRIES if self.row is None else self.row}/{name}{partial}"

    @property
    def start(self) -> int:
        """The number in its row of the tile's first hash or entry."""
        return self.number * TILE_WIDTH


def tiles(size: int) -> Iterator[Tile]:
    """All tiles and entry bundles of a tree of `size` leaves, the entries first, rows upwards."""
    for row in (None, *range(64)):
        there = size >> (TILE_HEIGHT * (row or 0))
        if not there:
            return
        full, width = divmod(there, TILE_WIDTH)
        for number in range(full):
            yield Tile(row, number, TILE_WIDTH)
        if width:
            yield Tile(row, full, width)


def entry_bundle(records: Iterable[bytes]) -> bytes:
    """Records as an entry bundle. Each is at most 65,535 bytes (domain.ledger.record.MAX_RECORD)."""
    return b"".join(_LENGTH.pack(len(record)) + record for record in records)


def entries(data: bytes) -> Iterator[bytes]:
    """The reverse of entry_bundle. Raises BadInput."""
    at = 0
    while at < len(data):
        end = at + _LENGTH.size
        if end > len(data):
            raise BadInput("the entry bundle ends within a length")
        (length,) = _LENGTH.unpack_from(data, at)
        if end + length > len(data):
            raise BadInput("the entry bundle ends within an entry")
        yield data[end : end + length]
        at = end + length
