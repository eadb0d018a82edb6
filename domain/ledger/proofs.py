"""Proofs out of stored hashes, without hashing the whole log; and the proof that a range of events is contiguous.

The hashes come in rows: row 0 is the leaf hashes, row *l* the roots of the complete subtrees of 256**l leaves, as in
C2SP tlog-tiles. A node between two rows is hashed from at most 128 of the row below, so that a proof in a
log of any length reads a few tiles and hashes a few hundred times.

A **range proof** shows that leaves [start, stop) are those of a tree: the roots of all that lies outside, found by
splitting the tree as RFC 6962 does until a part is wholly outside (one hash) or wholly inside (none), left to right.
There are at most 2·log2(size) of them.
"""

from collections.abc import Callable, Iterator, Sequence

from domain.ledger.merkle import Growing, consistency_ranges, inclusion_ranges, node_hash

TILE_HEIGHT = 8
TILE_WIDTH = 1 << TILE_HEIGHT

_REMEMBERED = 64  # tiles: proofs of events side by side share them

Row = Callable[[int, int, int], Sequence[bytes]]
"""(row, start, stop) → those hashes of it. Only hashes of complete subtrees of the tree are asked for."""


class Nodes:
    """The nodes of one tree of `size` leaves. Remembers the last tiles that it read."""

    def __init__(self, row: Row, size: int) -> None:
        self._row = row
        self.size = size
        self._tiles: dict[tuple[int, int], Sequence[bytes]] = {}

    def node(self, height: int, number: int) -> bytes:
        """The root of the complete subtree over leaves number·2^height … (number + 1)·2^height − 1."""
        row, rest = divmod(height, TILE_HEIGHT)
        first = number << rest
        at = first % TILE_WIDTH
        hashes = list(self._tile(row, first // TILE_WIDTH)[at : at + (1 << rest)])
        if len(hashes) != 1 << rest:
            raise ValueError(f"the row of hashes {row} ends before {first + (1 << rest)}")
        while len(hashes) > 1:
            hashes = [node_hash(hashes[n], hashes[n + 1]) for n in range(0, len(hashes), 2)]
        return hashes[0]

    def root(self, start: int, stop: int) -> bytes:
        """The root over leaves [start, stop), a part of the tree that RFC 6962 splits it into; or the tree itself."""
        parts = []
        while start < stop:
            height = (stop - start).bit_length() - 1
            if start:
                height = min(height, (start & -start).bit_length() - 1)
            parts.append(self.node(height, start >> height))
            start += 1 << height
        root = parts.pop()
        while parts:
            root = node_hash(parts.pop(), root)
        return root

    def inclusion(self, index: int) -> tuple[bytes, ...]:
        """As domain.ledger.merkle.inclusion_proof."""
        return tuple(self.root(start, stop) for start, stop in inclusion_ranges(index, self.size))

    def consistency(self, old_size: int) -> tuple[bytes, ...]:
        """As domain.ledger.merkle.consistency_proof."""
        return tuple(self.root(start, stop) for start, stop in consistency_ranges(old_size, self.size))

    def range_proof(self, start: int, stop: int) -> tuple[bytes, ...]:
        """What besides leaves [start, stop) gives the tree's root. Raises ValueError for a range outside."""
        if not 0 <= start < stop <= self.size:
            raise ValueError(f"there are no leaves {start} to {stop} in a tree of {self.size}")
        return tuple(self.root(left, right) for left, right, inside in _parts(start, stop, self.size) if not inside)

    def _tile(self, row: int, number: int) -> Sequence[bytes]:
        tile = self._tiles.get((row, number))
        if tile is None:
            there = self.size >> (TILE_HEIGHT * row)
            start = number * TILE_WIDTH
            tile = self._row(row, start, min(start + TILE_WIDTH, there))
            if len(self._tiles) >= _REMEMBERED:
                self._tiles.clear()
            self._tiles[row, number] = tile
        return tile


def root_of_range(start: int, stop: int, size: int, leaves: Iterator[bytes], proof: Sequence[bytes]) -> bytes:
    """The root of the tree of `size` leaves, from the leaf hashes of [start, stop) in order and their range proof.

    Takes the leaves one by one: memory does not grow with the range. Raises ValueError where there are too few or too
    many of either.
    """
    if not 0 <= start < stop <= size:
        raise ValueError(f"there are no leaves {start} to {stop} in a tree of {size}")
    outside = iter(proof)
    # A stack of (leaves below, root) like a frontier's, except that what was split unevenly joins at the end.
    parts: list[tuple[int, int, bytes]] = []
    for left, right, inside in _parts(start, stop, size):
        root = _grown(leaves, right - left) if inside else next(outside, None)
        if root is None:
            raise ValueError("the proof has too few hashes")
        parts.append((left, right, root))
    if next(outside, None) is not None:
        raise ValueError("the proof has too many hashes")
    if next(leaves, None) is not None:
        raise ValueError("there are more leaves than the range has")
    return _joined(0, size, iter(parts))


def _parts(start: int, stop: int, size: int) -> Iterator[tuple[int, int, bool]]:
    """The tree's parts from left to right: (left, right, whether inside the range)."""
    waiting = [(0, size)]
    while waiting:
        left, right = waiting.pop()
        if right <= start or left >= stop:
            yield left, right, False
        elif start <= left and right <= stop:
            yield left, right, True
        else:
            middle = left + (1 << ((right - left - 1).bit_length() - 1))
            waiting += [(middle, right), (left, middle)]


def _grown(leaves: Iterator[bytes], count: int) -> bytes:
    tree = Growing()
    for leaf in leaves:
        tree.append(leaf)
        if tree.size == count:
            return tree.frontier().root()
    raise ValueError("there are fewer leaves than the range has")


def _joined(left: int, right: int, parts: Iterator[tuple[int, int, bytes]]) -> bytes:
    """The root over [left, right) from its parts, which come in order. As deep as the tree is high."""
    part = next(parts)
    return _joined_from(left, right, part, parts)


def _joined_from(left: int, right: int, part: tuple[int, int, bytes], parts: Iterator[tuple[int, int, bytes]]) -> bytes:
    if part[:2] == (left, right):
        return part[2]
    middle = left + (1 << ((right - left - 1).bit_length() - 1))
    first = _joined_from(left, middle, part, parts)
    return node_hash(first, _joined(middle, right, parts))
