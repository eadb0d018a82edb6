"""The log as a C2SP tlog-tiles directory: static files that any web server serves and tlog clients read.

Tiles first, the checkpoint last: whoever reads meanwhile finds the old checkpoint, and all tiles that it needs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from application.audit.proving import Prover, TreeHashes
from domain.errors import BadInput, Refused, Tampered
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.merkle import root_hash
from domain.ledger.proofs import TILE_WIDTH
from domain.ledger.raw import RawRow
from domain.ledger.record import leaf_hash
from domain.ledger.tiles import Tile, entry_bundle, tiles

CHECKPOINT = "checkpoint"


class Records(Protocol):
    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[RawRow]: ...


class StaticFiles(Protocol):
    """A directory of files that are written once and whole."""

    def has(self, path: str) -> bool: ...

    def read(self, path: str) -> bytes | None:
        """None where there is none. Raises Failed."""

    def write(self, path: str, data: bytes) -> None:
        """Whole or not at all, on disk when this returns. Raises Failed."""


@dataclass(frozen=True, slots=True)
class TilesWritten:
    """The tree size served now, and how many files were written, and were there already."""

    size: int
    written: int
    kept: int


def export_tiles(log: Records, tree: TreeHashes, prover: Prover, files: StaticFiles) -> TilesWritten:
    """Bring the directory up to the prover's head. Full tiles that are there stay as they are.

    Raises Refused where the directory holds another log's tiles, or a longer log; Tampered, Failed.
    """
    head = prover.head
    _require_same_log(prover, files)
    written = kept = 0
    for tile in tiles(head.size):
        if files.has(tile.path):
            kept += 1
            continue
        files.write(tile.path, _content(log, tree, tile))
        written += 1
    files.write(CHECKPOINT, head.checkpoint.encode())
    return TilesWritten(head.size, written, kept)


def _require_same_log(prover: Prover, files: StaticFiles) -> None:
    there = files.read(CHECKPOINT)
    prover.consistency(1)  # raises Tampered unless the tree's upper nodes give the signed root
    if there is None:
        return
    try:
        old = parse_checkpoint(parse_note(there.decode("utf-8", "replace")).text)
    except BadInput as error:
        raise Refused(f"the directory's checkpoint cannot be read: {error.message}", hint=_OTHER) from error
    ours = parse_checkpoint(parse_note(prover.head.checkpoint).text)
    if old.origin != ours.origin:
        raise Refused(f"the directory holds tiles of the log {old.origin!r}, not of {ours.origin!r}", hint=_OTHER)
    if old.size > ours.size or (old.size and prover.consistency(old.size).old_root != old.root_hash):
        raise Refused(
            f"the directory holds a history of {old.size} events that this log does not continue",
            hint="'storectl verify --against' with its checkpoint tells more; or export to an empty directory",
        )


def _content(log: Records, tree: TreeHashes, tile: Tile) -> bytes:
    hashes = tree.hashes(tile.row or 0, tile.start, tile.start + tile.width)
    above = tree.hashes((tile.row or 0) + 1, tile.number, tile.number + 1) if tile.width == TILE_WIDTH else ()
    if any(root_hash(hashes) != root for root in above):
        raise Tampered(f"{tile.path}: its hashes are not those of the tree", hint=_VERIFY)
    if tile.row is not None:
        return b"".join(hashes)
    records = []
    for row, leaf in zip(log.rows(tile.start + 1, tile.start + tile.width), hashes, strict=True):
        if type(row.record) is not bytes or leaf_hash(row.record) != leaf:
            raise Tampered(f"event {row.position}: its leaf hash is not that of its record", hint=_VERIFY)
        records.append(row.record)
    return entry_bundle(records)


_VERIFY = "'storectl verify' tells what is wrong where"
_OTHER = "export to an empty directory"
