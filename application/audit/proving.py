"""Inclusion and consistency proofs, checked against the log's signed root before anybody gets them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeVar

from domain.errors import NotFound, Tampered
from domain.ledger.entry import Head
from domain.ledger.merkle import verify_consistency, verify_inclusion
from domain.ledger.proofs import Nodes, root_of_range
from domain.ledger.tlog_proof import TlogProof

T = TypeVar("T")


class TreeHashes(Protocol):
    """The tree's hashes by rows (domain.ledger.proofs.Row), the upper ones from a cache."""

    def hashes(self, row: int, start: int, stop: int) -> Sequence[bytes]: ...

    def rebuild(self) -> None:
        """Throw the cache away."""


@dataclass(frozen=True, slots=True)
class Consistency:
    """That the tree of `size` only appended to that of `old_size`. Roots and hashes are 32 bytes."""

    old_size: int
    old_root: bytes
    size: int
    root: bytes
    hashes: tuple[bytes, ...]


class Prover:
    """Makes proofs in the tree that the head describes. What the cache says is never taken at its word."""

    def __init__(self, tree: TreeHashes, head: Head) -> None:
        self._tree = tree
        self.head = head
        self._nodes = Nodes(tree.hashes, head.size)

    def inclusion(self, index: int, leaf: bytes) -> TlogProof:
        """That the leaf hash stands at `index`, under the head's checkpoint. Raises NotFound, Tampered."""
        size, root = self.head.size, self.head.root_hash
        if not 0 <= index < size:
            raise NotFound(f"there is no event {index + 1} in the log", hint=f"the log has {size} events")
        path = self._checked(
            lambda nodes: nodes.inclusion(index), lambda path: verify_inclusion(leaf, index, size, path, root)
        )
        return TlogProof(index, path, self.head.checkpoint)

    def consistency(self, old_size: int, size: int | None = None) -> Consistency:
        """From an earlier size to the head's, or to another. Raises NotFound, Tampered."""
        size = self.head.size if size is None else size
        if not 0 < old_size <= size <= self.head.size:
            raise NotFound(
                f"there is no consistency proof from {old_size} to {size}",
                hint=f"sizes are from 1 to {self.head.size}, the smaller first",
            )
        root = self._root_at(size)
        old_root = self._root_at(old_size)

        def holds(hashes: tuple[bytes, ...]) -> bool:
            return verify_consistency(old_size, old_root, size, root, hashes)

        hashes = self._checked(lambda nodes: Nodes(self._tree.hashes, size).consistency(old_size), holds)
        return Consistency(old_size, old_root, size, root, hashes)

    def range_proof(self, start: int, stop: int, leaves: Callable[[], Iterator[bytes]]) -> tuple[bytes, ...]:
        """That these leaf hashes are those of [start, stop), in one piece. Raises Tampered."""

        def holds(proof: tuple[bytes, ...]) -> bool:
            return root_of_range(start, stop, self.head.size, leaves(), proof) == self.head.root_hash

        return self._checked(lambda nodes: nodes.range_proof(start, stop), holds)

    def _root_at(self, size: int) -> bytes:
        """The root of the first `size` events, shown to belong to the head."""
        if size == self.head.size:
            return self.head.root_hash

        def holds(root: bytes) -> bool:
            hashes = self._nodes.consistency(size)
            return verify_consistency(size, root, self.head.size, self.head.root_hash, hashes)

        return self._checked(lambda nodes: nodes.root(0, size), holds)

    def _checked(self, make: Callable[[Nodes], T], holds: Callable[[T], bool]) -> T:
        """What was made, if it holds; once more without the cache if not. Raises Tampered."""
        for _ in range(2):
            try:
                made = make(self._nodes)
                if holds(made):
                    return made
            except ValueError:  # the cache ends too early
                pass
            self._tree.rebuild()
            self._nodes = Nodes(self._tree.hashes, self.head.size)
        raise Tampered(
            "the log's leaf hashes do not give its signed root", hint="'storectl verify' tells what is wrong where"
        )
