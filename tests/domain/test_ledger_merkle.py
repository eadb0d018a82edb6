from typing import Any

import pymerkle
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.ledger.merkle import (
    EMPTY_ROOT,
    Frontier,
    Growing,
    consistency_proof,
    inclusion_proof,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.ledger.record import leaf_hash
from tests.support.logs import vector

TREE: dict[str, Any] = vector("tree.json")
LEAVES = [leaf_hash(str(number).encode()) for number in range(20)]
ROOTS = [bytes.fromhex(root) for root in TREE["roots"]]


def nodes(texts: list[str]) -> tuple[bytes, ...]:
    return tuple(map(bytes.fromhex, texts))


def test_golden_roots() -> None:
    assert [root_hash(LEAVES[:size]) for size in range(21)] == ROOTS
    assert ROOTS[0] == EMPTY_ROOT


@pytest.mark.parametrize("case", TREE["inclusion"], ids=lambda case: f"{case['index']}-in-{case['size']}")
def test_golden_inclusion_proofs(case: dict[str, Any]) -> None:
    path, index, size = nodes(case["path"]), case["index"], case["size"]
    assert inclusion_proof(LEAVES[:size], index) == path
    assert verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])


@pytest.mark.parametrize("case", TREE["consistency"], ids=lambda case: f"{case['old']}-in-{case['size']}")
def test_golden_consistency_proofs(case: dict[str, Any]) -> None:
    proof, old, size = nodes(case["proof"]), case["old"], case["size"]
    assert consistency_proof(LEAVES[:size], old) == proof
    assert verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)


def test_every_proof_up_to_20_leaves_holds_and_only_where_it_belongs() -> None:
    for size in range(1, 21):
        for index in range(size):
            path = inclusion_proof(LEAVES[:size], index)
            assert verify_inclusion(LEAVES[index], index, size, path, ROOTS[size])
            assert not verify_inclusion(LEAVES[index], index, size, path, ROOTS[size - 1])
            assert not verify_inclusion(LEAVES[(index + 1) % 20], index, size, path, ROOTS[size])
            assert not verify_inclusion(LEAVES[index], (index + 1) % size, size, path, ROOTS[size]) or size == 1
            assert not verify_inclusion(LEAVES[index], index, size, (*path, LEAVES[0]), ROOTS[size])
            assert not path or not verify_inclusion(LEAVES[index], index, size, path[:-1], ROOTS[size])
            # The root alone does not say of how many leaves it is: a path has to have the length for its size.
            assert not verify_inclusion(LEAVES[index], index, 4 * size, path, ROOTS[size])
        for old in range(1, size + 1):
            proof = consistency_proof(LEAVES[:size], old)
            assert verify_consistency(old, ROOTS[old], size, ROOTS[size], proof)
            assert not verify_consistency(old, ROOTS[old - 1], size, ROOTS[size], proof)
            assert not verify_consistency(old, ROOTS[old], size, ROOTS[size - 1], proof)
            assert not verify_consistency(old, ROOTS[old], size, ROOTS[size], (*proof, LEAVES[0]))
            assert not proof or not verify_consistency(old, ROOTS[old], size, ROOTS[size], proof[:-1])
            assert not verify_consistency(old, ROOTS[old], 4 * size, ROOTS[size], proof)


@pytest.mark.parametrize(("index", "size"), [(-1, 3), (3, 3), (0, 0)])
def test_what_is_outside_the_tree_has_no_proof(index: int, size: int) -> None:
    with pytest.raises(ValueError, match="no leaf"):
        inclusion_proof(LEAVES[:size], index)
    assert not verify_inclusion(LEAVES[0], index, size, (), ROOTS[size])
    with pytest.raises(ValueError, match="no earlier state"):
        consistency_proof(LEAVES[:size], size + 1)
    assert not verify_consistency(size + 1, ROOTS[1], size, ROOTS[size], ())
    assert not verify_consistency(0, EMPTY_ROOT, size, ROOTS[size], ())


@given(st.lists(st.binary(max_size=40), max_size=80))
def test_pymerkle_gives_the_same_roots(data: list[bytes]) -> None:
    theirs = pymerkle.InmemoryTree(algorithm="sha256")
    leaves, growing = [leaf_hash(item) for item in data], Growing()
    for size, item in enumerate(data, 1):
        theirs.append_entry(item)
        growing.append(leaves[size - 1])
        assert growing.frontier().root() == theirs.get_root(size)
    assert root_hash(leaves) == theirs.get_root()


@given(st.lists(st.binary(min_size=32, max_size=32), max_size=70), st.integers(0, 70))
def test_a_frontier_goes_on_where_it_was_kept(leaves: list[bytes], cut: int) -> None:
    kept = Frontier().extended(leaves[:cut])
    again = Frontier.from_bytes(kept.size, kept.to_bytes())
    assert again == kept
    assert again.extended(leaves[cut:]) == Frontier().extended(leaves)


@pytest.mark.parametrize(("size", "data"), [(1, b""), (0, bytes(32)), (3, bytes(63)), (2, bytes(64))])
def test_a_frontier_of_the_wrong_size_is_refused(size: int, data: bytes) -> None:
    with pytest.raises(ValueError, match="tree of"):
        Frontier.from_bytes(size, data)


def test_a_negative_size_is_refused() -> None:
    with pytest.raises(ValueError, match="tree of -1"):
        Frontier(-1, (bytes(32),))
