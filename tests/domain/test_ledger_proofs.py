"""Proofs from rows of hashes are those over all leaves; range proofs hold for their range and nothing else."""

import hashlib
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreError
from domain.ledger.merkle import (
    consistency_proof,
    inclusion_proof,
    node_hash,
    root_hash,
    verify_consistency,
    verify_inclusion,
)
from domain.ledger.proofs import TILE_WIDTH, Nodes, root_of_range
from domain.ledger.tiles import Tile, entries, entry_bundle, tiles
from domain.ledger.tlog_proof import TlogProof, parse_tlog_proof

LEAVES = [hashlib.sha256(number.to_bytes(4, "big")).digest() for number in range(1500)]
HASHES = st.binary(min_size=32, max_size=32)


def rows(leaves: Sequence[bytes] = LEAVES) -> Callable[[int, int, int], list[bytes]]:
    def row(number: int, start: int, stop: int) -> list[bytes]:
        width = TILE_WIDTH**number
        return [root_hash(leaves[at * width : (at + 1) * width]) for at in range(start, stop)]

    return row


@given(st.data(), st.integers(1, len(LEAVES)))
def test_proofs_from_rows_are_those_over_all_leaves(data: st.DataObject, size: int) -> None:
    nodes, leaves = Nodes(rows(), size), LEAVES[:size]
    index, old = data.draw(st.integers(0, size - 1)), data.draw(st.integers(1, size))
    root = root_hash(leaves)
    assert nodes.root(0, size) == root
    assert nodes.inclusion(index) == inclusion_proof(leaves, index)
    assert nodes.consistency(old) == consistency_proof(leaves, old)
    assert verify_inclusion(leaves[index], index, size, nodes.inclusion(index), root)
    assert verify_consistency(old, root_hash(leaves[:old]), size, root, nodes.consistency(old))


@given(st.data(), st.integers(1, len(LEAVES)))
def test_a_range_proof_gives_the_root_and_is_short(data: st.DataObject, size: int) -> None:
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    proof = Nodes(rows(), size).range_proof(start, stop)
    assert root_of_range(start, stop, size, iter(LEAVES[start:stop]), proof) == root_hash(LEAVES[:size])
    assert len(proof) <= 2 * max(1, (size - 1).bit_length())


@given(st.data(), st.integers(2, 300))
def test_a_range_proof_holds_for_nothing_else(data: st.DataObject, size: int) -> None:
    start = data.draw(st.integers(0, size - 1))
    stop = data.draw(st.integers(start + 1, size))
    proof = list(Nodes(rows(), size).range_proof(start, stop))
    leaves, root = LEAVES[start:stop], root_hash(LEAVES[:size])
    at = data.draw(st.integers(0, len(leaves) - 1))
    for changed in (
        [*leaves[:at], bytes(32), *leaves[at + 1 :]], leaves[:at] + leaves[at + 1 :], [*leaves, bytes(32)],
        [*leaves[:at], leaves[at], *leaves[at:]],
    ):  # fmt: skip
        assert not holds(start, stop, size, changed, proof, root)
    for wrong in (*([proof[1:], [bytes(32), *proof[1:]]] if proof else []), [*proof, bytes(32)]):
        assert not holds(start, stop, size, leaves, wrong, root)
    assert not holds(start + 1, stop + 1, size, leaves, proof, root)
    if proof and proof != proof[::-1]:
        assert not holds(start, stop, size, leaves, proof[::-1], root)


def holds(start: int, stop: int, size: int, leaves: list[bytes], proof: Sequence[bytes], root: bytes) -> bool:
    try:
        return root_of_range(start, stop, size, iter(leaves), proof) == root
    except ValueError:
        return False


@pytest.mark.parametrize("size", [1_000_000, 999_999, 2**20, 5_000_001])
def test_a_proof_in_a_large_log_reads_few_tiles_and_has_few_hashes(size: int) -> None:
    read: list[tuple[int, int, int]] = []

    def row(number: int, start: int, stop: int) -> list[bytes]:
        read.append((number, start, stop))
        return [bytes(32)] * (stop - start)

    bound = (size - 1).bit_length()
    assert len(Nodes(row, size).inclusion(size // 3)) <= bound
    assert len(read) <= 6
    assert len(Nodes(row, size).consistency(size // 2 + 1)) <= bound + 1
    assert len(Nodes(row, size).range_proof(size // 3, size // 3 + 700)) <= 2 * bound
    assert max(stop - start for _, start, stop in read) <= TILE_WIDTH


def test_the_tiles_of_the_specifications_examples() -> None:
    assert Tile(0, 1234067, 256).path == "tile/0/x001/x234/067"
    assert Tile(None, 0, 17).path == "tile/entries/000.p/17"
    served = list(tiles(70_000))
    widths = {row: [tile.width for tile in served if tile.row == row] for row in (None, 0, 1, 2)}
    assert widths == {None: [256] * 273 + [112], 0: [256] * 273 + [112], 1: [256, 17], 2: [1]}
    assert [tile.path for tile in tiles(256)] == ["tile/entries/000", "tile/0/000", "tile/1/000.p/1"]
    assert not list(tiles(0))


@given(st.lists(st.binary(max_size=300), max_size=20))
def test_every_entry_bundle_comes_back(records: list[bytes]) -> None:
    assert list(entries(entry_bundle(records))) == records


@given(st.integers(0, 2**62), st.lists(HASHES, max_size=63), st.text(st.characters(codec="utf-8")))
def test_every_tlog_proof_comes_back(index: int, hashes: list[bytes], checkpoint: str) -> None:
    proof = TlogProof(index, tuple(hashes), checkpoint)
    assert parse_tlog_proof(str(proof)) == proof
    assert str(proof) == f"c2sp.org/tlog-proof@v1\n{proof.spicy}"


def test_extra_data_is_read_and_thrown_away() -> None:
    proof = TlogProof(3, (bytes(32),), "checkpoint\n")
    assert parse_tlog_proof(str(proof).replace("index", "extra AAEC\nindex", 1)) == proof
    for bad in ("extra !!\nindex", "index 03\nindex", "index -1\nindex"):
        with pytest.raises(StoreError):
            parse_tlog_proof(str(proof).replace("index", bad, 1))


def test_node_hash_is_that_of_the_specification() -> None:
    left, right = bytes(32), bytes([1]) * 32
    assert node_hash(left, right) == hashlib.sha256(b"\x01" + left + right).digest()
