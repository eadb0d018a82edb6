"""The tree's cache: proofs come from it, it is rebuilt when missing or damaged, and nobody believes it."""

from pathlib import Path

import pytest

from adapters.event_log.log import SqliteEventLog
from adapters.event_log.tree_rows import TreeRows
from adapters.files.cache_file import CacheFile
from adapters.files.static_files import StaticDirectory
from application.audit.proving import Prover
from application.audit.tiling import TilesWritten, export_tiles
from domain.errors import NotFound, Refused, StoreError, Tampered
from domain.ledger.merkle import consistency_proof, inclusion_proof, root_hash, verify_consistency
from domain.ledger.record import leaf_hash
from domain.ledger.tiles import Tile, entries, tiles
from tests.support.logs import append, draft, new_log, rewrite

EVENTS = 1100


@pytest.fixture
def log(tmp_path: Path) -> SqliteEventLog:
    return new_log(tmp_path / "log.db", events=EVENTS)


def leaves(log: SqliteEventLog) -> list[bytes]:
    return log.reader.leaf_hashes(0, log.head().size)


def prover(log: SqliteEventLog) -> tuple[TreeRows, Prover]:
    tree = TreeRows(log.reader, CacheFile(log.path.parent / "tree"))
    return tree, Prover(tree, log.head())


def test_proofs_with_and_without_the_cache(log: SqliteEventLog) -> None:
    for _ in range(2):
        _, made = prover(log)
        for index in (0, 255, 256, 1023, 1024, EVENTS - 1):
            leaf = leaves(log)[index]
            assert made.inclusion(index, leaf).hashes == inclusion_proof(leaves(log), index)
        for old in (1, 256, 1000, EVENTS):
            assert made.consistency(old).hashes == consistency_proof(leaves(log), old)
            found = made.consistency(old, 1050) if old <= 1050 else made.consistency(old)
            assert verify_consistency(found.old_size, found.old_root, found.size, found.root, found.hashes)
    assert (log.path.parent / "tree").stat().st_size == 32 + 8 + 4 * 32
    with pytest.raises(NotFound):
        made.inclusion(EVENTS, bytes(32))
    with pytest.raises(NotFound):
        made.consistency(10, 5)


def test_a_damaged_or_foreign_cache_changes_no_proof(log: SqliteEventLog) -> None:
    prover(log)[1].inclusion(1000, leaves(log)[1000])
    cache = log.path.parent / "tree"
    good = cache.read_bytes()
    other = new_log(log.path.parent / "other" / "log.db", events=EVENTS + 1)
    foreign_tree = TreeRows(other.reader, CacheFile(cache))
    Prover(foreign_tree, other.head()).inclusion(1000, leaves(other)[1000])
    for data in (b"", good[:-1], good[:39], bytes(len(good)), good + b"x", cache.read_bytes()):
        cache.write_bytes(data)
        _, made = prover(log)
        assert made.inclusion(1000, leaves(log)[1000]).hashes == inclusion_proof(leaves(log), 1000)


def test_the_rows_grow_with_the_log(log: SqliteEventLog) -> None:
    prover(log)[1].inclusion(0, leaves(log)[0])
    append(log, [draft(number) for number in range(700)])
    tree, made = prover(log)
    assert made.inclusion(0, leaves(log)[0]).hashes == inclusion_proof(leaves(log), 0)
    assert tree.hashes(1, 0, 7) == [root_hash(leaves(log)[at * 256 : at * 256 + 256]) for at in range(7)]


def test_a_leaf_hash_that_was_changed_gives_no_proof(log: SqliteEventLog) -> None:
    rewrite(log.path, ("UPDATE stored_events SET leaf_hash = ? WHERE position = 5", (bytes(32),)))
    _, made = prover(log)
    with pytest.raises(Tampered):
        made.inclusion(0, log.reader.raw_record(1)[1])
    with pytest.raises(Tampered):
        made.consistency(900)


def test_tiles_are_what_the_log_is_and_are_not_written_twice(log: SqliteEventLog, tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    first = export(log, out)
    assert first.kept == 0
    assert first.written == len(list(tiles(EVENTS)))
    full = {path: path.stat().st_mtime_ns for path in out.rglob("*") if path.is_file() and ".p" not in str(path)}
    append(log, [draft(number) for number in range(300)])
    second = export(log, out)
    assert second.kept == len([tile for tile in tiles(EVENTS) if tile.width == 256])
    assert {path: path.stat().st_mtime_ns for path in full if path.name != "checkpoint"} == {
        path: when for path, when in full.items() if path.name != "checkpoint"
    }
    assert export(log, out).written == 0
    read_back = [
        leaf_hash(entry) for tile in tiles(EVENTS + 300) if tile.row is None
        for entry in entries((out / tile.path).read_bytes())
    ]  # fmt: skip
    assert read_back == leaves(log)


def export(log: SqliteEventLog, out: Path) -> TilesWritten:
    tree, made = prover(log)
    return export_tiles(log.reader, tree, made, StaticDirectory(out))


def test_tiles_of_another_log_are_not_mixed_in(log: SqliteEventLog, tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    export(log, out)
    shorter = new_log(tmp_path / "b" / "log.db", events=5)
    with pytest.raises(Refused):
        export(shorter, out)
    fork = new_log(tmp_path / "c" / "log.db", events=5)
    append(fork, [draft(number + 1) for number in range(EVENTS)])
    with pytest.raises(Refused):
        export(fork, out)
    (out / "checkpoint").write_text("nonsense")
    with pytest.raises(Refused):
        export(log, out)


def test_a_record_that_was_changed_is_not_exported(log: SqliteEventLog, tmp_path: Path) -> None:
    record, _ = log.reader.raw_record(7)
    rewrite(log.path, ("UPDATE stored_events SET state = ? WHERE position = 7", (record[:-1] + b"x",)))
    with pytest.raises(StoreError):
        export(log, tmp_path / "tiles")
    assert not (tmp_path / "tiles/checkpoint").exists()
    assert Tile(None, 0, 256).path == "tile/entries/000"
