"""The high-water mark: the last checkpoint that an append returned with, kept outside the database.

An SQLite file that lost its write-ahead log, or that was put back from an older copy, is a perfectly good database
with fewer events, and says so to nobody. The mark tells. It is written after COMMIT and on disk before the append
returns; a log that does not reach or does not extend it is refused, so that no index is ever used for two events.

The file has two slots of 4,096 bytes, and the older one is overwritten: a write cut short leaves the other. A slot:

    <signed checkpoint note>
    <blank line>
    <the tree's frontier at that size: base64 of each node, one a line, the largest subtree first>
    <newlines up to 4,096 bytes>

With the frontier, the events after the mark are enough to tell whether the log extends it. It needs no signature of
its own: its root is the checkpoint's.
"""

import base64
import fcntl
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from domain.errors import BadInput, Failed, StoreError, Tampered
from domain.ledger.checkpoint import open_checkpoint_by
from domain.ledger.keys import VerifierKey, Verify, from_base64
from domain.ledger.merkle import Frontier

_SLOT = 4096  # bytes: more than the longest origin and 63 nodes take, and a unit that disks write as one


@dataclass(frozen=True, slots=True)
class Mark:
    """A signed checkpoint and the frontier of its tree."""

    note: str
    frontier: Frontier

    @property
    def size(self) -> int:
        return self.frontier.size


class HighWater:
    """The mark in one file, believed only under one of the log's keys: it may be older than the one in force."""

    def __init__(self, path: Path, keys: Sequence[VerifierKey], verify: Verify) -> None:
        self.path = path
        self._keys = keys
        self._verify = verify
        self._known: dict[bytes, Mark] = {}  # the two slots as last seen: an append need not verify them again

    def read(self) -> Mark | None:
        """The mark; None where there is no file. Raises Tampered where neither slot holds, Failed."""
        try:
            with self._locked(os.O_RDONLY, fcntl.LOCK_SH) as descriptor:
                return self._newest(_slots(descriptor))[1]
        except FileNotFoundError:
            return None

    def create(self, mark: Mark) -> None:
        """Put the file there, over one that was. Raises Failed."""
        aside = self.path.with_name(f".{self.path.name}.new")
        try:
            self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(_encoded(mark) * 2)
                file.flush()
                os.fsync(descriptor)
            aside.replace(self.path)
            for directory in (self.path.parent, self.path.parent.parent):
                sync_directory(directory)
        except OSError as error:
            raise Failed(f"cannot write the high-water mark {self.path}: {error.strerror}") from error

    def advance(self, mark: Mark) -> None:
        """Raise the mark, on disk before this returns; does nothing where it is as high already. Raises Failed.

        Two processes that append come here in any order: hence the lock, and the look at what is there.
        """
        try:
            with self._locked(os.O_RDWR, fcntl.LOCK_EX) as descriptor:
                at, present = self._newest(_slots(descriptor))
                if present.size < mark.size:
                    slot = _encoded(mark)
                    os.pwrite(descriptor, slot, (1 - at) * _SLOT)
                    os.fdatasync(descriptor)
                    self._known[slot] = mark
        except FileNotFoundError as error:
            raise Failed(f"the high-water mark {self.path} has gone while the log was open") from error

    @contextmanager
    def _locked(self, flags: int, lock: int) -> Iterator[int]:
        try:
            descriptor = os.open(self.path, flags | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            raise
        except OSError as error:
            raise Failed(f"cannot open the high-water mark {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, lock)
            yield descriptor
        except OSError as error:
            raise Failed(f"the high-water mark {self.path}: {error.strerror}") from error
        finally:
            os.close(descriptor)

    def _newest(self, slots: tuple[bytes, bytes]) -> tuple[int, Mark]:
        """The higher of the two that hold, and which it is."""
        problem = ""
        found: dict[int, Mark] = {}
        for number, slot in enumerate(slots):
            try:
                found[number] = self._known.get(slot) or self._decoded(slot)
            except (StoreError, ValueError) as error:
                problem = str(error)
        if not found:
            raise Tampered(f"the high-water mark {self.path} does not hold: {problem}", hint=LOST_MARK)
        self._known = {slots[number]: mark for number, mark in found.items()}
        at = max(found, key=lambda number: found[number].size)
        return at, found[at]

    def _decoded(self, slot: bytes) -> Mark:
        text, _, nodes = slot.decode("utf-8").rstrip("\n").rpartition("\n\n")
        note = text + "\n"
        checkpoint = open_checkpoint_by(note, self._keys, self._verify)
        hashes = [from_base64(line) or b"" for line in nodes.split("\n")]
        frontier = Frontier(checkpoint.size, tuple(hashes))
        if frontier.root() != checkpoint.root_hash:
            raise BadInput("its frontier does not give its root hash")
        return Mark(note, frontier)


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _slots(descriptor: int) -> tuple[bytes, bytes]:
    return os.pread(descriptor, _SLOT, 0), os.pread(descriptor, _SLOT, _SLOT)


def _encoded(mark: Mark) -> bytes:
    nodes = "".join(f"{base64.b64encode(node).decode()}\n" for node in mark.frontier.nodes)
    slot = f"{mark.note}\n{nodes}".encode()
    if len(slot) > _SLOT:
        raise Failed(f"the high-water mark would take {len(slot)} bytes, more than its slot")
    return slot.ljust(_SLOT, b"\n")


LOST_MARK = "restore it from the backup that the log came from; without it nobody can tell whether the log lost events"
