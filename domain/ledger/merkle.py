"""RFC 6962's Merkle tree over leaf hashes, as RFC 9162 (sections 2.1.1 to 2.1.4) describes it.

    leaf = SHA-256(0x00 ‖ data)      node = SHA-256(0x01 ‖ left ‖ right)      empty tree = SHA-256("")

The frontier is what an append needs to know of everything before: the roots of the complete subtrees that the tree
falls into, one for each bit set in its size, the largest (the leftmost) first.
"""

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

HASH_BYTES = 32
EMPTY_ROOT = hashlib.sha256(b"").digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


@dataclass(frozen=True, slots=True)
class Frontier:
    """A tree's right edge. Raises ValueError if the number of nodes does not fit the size."""

    size: int = 0
    nodes: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if self.size < 0 or len(self.nodes) != self.size.bit_count():
            raise ValueError(f"a tree of {self.size} leaves has {self.size.bit_count()} nodes, not {len(self.nodes)}")
        if any(len(node) != HASH_BYTES for node in self.nodes):
            raise ValueError("a node of the tree is not 32 bytes")

    def extended(self, leaves: Iterable[bytes]) -> "Frontier":
        """The frontier with these leaf hashes appended."""
        growing = Growing(self)
        for leaf in leaves:
            growing.append(leaf)
        return growing.frontier()

    def root(self) -> bytes:
        """The tree's root hash, 32 bytes."""
        if not self.nodes:
            return EMPTY_ROOT
        root = self.nodes[-1]
        for node in reversed(self.nodes[:-1]):
            root = node_hash(node, root)
        return root

    def to_bytes(self) -> bytes:
        return b"".join(self.nodes)

    @classmethod
    def from_bytes(cls, size: int, data: bytes) -> "Frontier":
        """The reverse of to_bytes. Raises ValueError."""
        if len(data) != size.bit_count() * HASH_BYTES:
            raise ValueError(f"the frontier of a tree of {size} leaves does not take {len(data)} bytes")
        return cls(size, tuple(data[at : at + HASH_BYTES] for at in range(0, len(data), HASH_BYTES)))


class Growing:
    """A frontier that is appended to in place: a million leaves in about a second."""

    __slots__ = ("_nodes", "size")

    def __init__(self, start: Frontier | None = None) -> None:
        self.size = start.size if start else 0
        self._nodes = list(start.nodes) if start else []

    def append(self, leaf: bytes) -> None:
        size, nodes = self.size, self._nodes
        self.size = size + 1
        while size & 1:  # a complete subtree of this size is already there: the two become one
            leaf = hashlib.sha256(b"\1" + nodes.pop() + leaf).digest()
            size >>= 1
        nodes.append(leaf)

    def frontier(self) -> Frontier:
        return Frontier(self.size, tuple(self._nodes))


def root_hash(leaves: Sequence[bytes]) -> bytes:
    return Frontier().extended(leaves).root()


def inclusion_proof(leaves: Sequence[bytes], index: int) -> tuple[bytes, ...]:
    """PATH(index, leaves) of RFC 9162, 2.1.3.1, the leaf's sibling first. Raises ValueError for an index outside."""
    return tuple(root_hash(leaves[start:stop]) for start, stop in inclusion_ranges(index, len(leaves)))


def inclusion_ranges(index: int, size: int) -> list[tuple[int, int]]:
    """Which leaves (start, stop) each hash of an inclusion proof is the root of, in the proof's order."""
    if not 0 <= index < size:
        raise ValueError(f"there is no leaf {index} in a tree of {size}")
    ranges: list[tuple[int, int]] = []
    start, stop = 0, size
    while stop - start > 1:
        middle = start + _split(stop - start)
        if index < middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start = middle
    return ranges[::-1]


def consistency_proof(leaves: Sequence[bytes], old_size: int) -> tuple[bytes, ...]:
    """PROOF(old_size, leaves) of RFC 9162, 2.1.4.1; empty for the whole tree. Raises ValueError for a size outside."""
    return tuple(root_hash(leaves[start:stop]) for start, stop in consistency_ranges(old_size, len(leaves)))


def consistency_ranges(old_size: int, size: int) -> list[tuple[int, int]]:
    """The same of a consistency proof."""
    if not 0 < old_size <= size:
        raise ValueError(f"a tree of {size} leaves has no earlier state of {old_size}")
    ranges: list[tuple[int, int]] = []
    start, stop, whole = 0, size, True
    while old_size != stop:
        middle = start + _split(stop - start)
        if old_size <= middle:
            ranges.append((middle, stop))
            stop = middle
        else:
            ranges.append((start, middle))
            start, whole = middle, False
    if not whole:
        ranges.append((start, stop))
    return ranges[::-1]


def verify_inclusion(leaf: bytes, index: int, size: int, path: Sequence[bytes], root: bytes) -> bool:
    """Whether the path proves that `leaf` stands at `index` in the tree of this root (RFC 9162, 2.1.3.2)."""
    if not 0 <= index < size:
        return False
    at, last, computed = index, size - 1, leaf
    for sibling in path:
        if last == 0:
            return False
        if at & 1 or at == last:
            computed = node_hash(sibling, computed)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            computed = node_hash(computed, sibling)
        at, last = at >> 1, last >> 1
    return last == 0 and computed == root


def verify_consistency(old_size: int, old_root: bytes, new_size: int, new_root: bytes, proof: Sequence[bytes]) -> bool:
    """Whether the proof shows that the new tree only appended to the old one (RFC 9162, 2.1.4.2)."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old_root == new_root
    path = list(proof)
    if old_size & (old_size - 1) == 0:  # the old tree is itself a node of the new one, and left out of the proof
        path.insert(0, old_root)
    if not path:
        return False
    at, last = old_size - 1, new_size - 1
    while at & 1:
        at, last = at >> 1, last >> 1
    old = new = path[0]
    for node in path[1:]:
        if last == 0:
            return False
        if at & 1 or at == last:
            old, new = node_hash(node, old), node_hash(node, new)
            while not at & 1 and at:
                at, last = at >> 1, last >> 1
        else:
            new = node_hash(new, node)
        at, last = at >> 1, last >> 1
    return last == 0 and old == old_root and new == new_root


def _split(size: int) -> int:
    """The largest power of two smaller than `size`."""
    return int(1 << ((size - 1).bit_length() - 1))
