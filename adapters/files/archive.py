"""A bundle's container: an uncompressed tar (ustar) that is the same bytes for the same files, and is read as strictly.

Every header is the one that this module writes for that name and size, byte for byte. So a link, a device, a path, a
sparse file or anything else that a tar can say is no header at all, and there is nothing in an archive that its
contents do not decide.
"""

import hashlib
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from adapters.files.replacing import replaced
from domain.errors import BadInput, Failed

_BLOCK = 512
_END = bytes(2 * _BLOCK)
_MAX_SIZE = 8**11 - 1  # what eleven octal digits hold
_CHUNK = 1 << 20


def header(name: str, size: int) -> bytes:
    """POSIX.1-1988 ustar: a regular file of root's, mode 0644, of 1970."""
    fields = (
        name.encode("ascii").ljust(100, b"\0"), b"0000644\0", b"0000000\0", b"0000000\0", b"%011o\0" % size,
        b"00000000000\0", b" " * 8, b"0", bytes(100), b"ustar\x0000", b"root".ljust(32, b"\0"),
        b"root".ljust(32, b"\0"), b"0000000\0", b"0000000\0", bytes(155 + 12),
    )  # fmt: skip
    block = b"".join(fields)
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


class ArchiveWriter:
    """Members one after another, each of unknown size until it is ended."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._name = ""
        self._at = 0
        self._hash = hashlib.sha256()

    def begin(self, name: str) -> None:
        self._name, self._at, self._hash = name, self._file.tell(), hashlib.sha256()
        self._file.write(bytes(_BLOCK))

    def write(self, data: bytes) -> None:
        self._hash.update(data)
        self._file.write(data)

    def end(self) -> tuple[int, str]:
        """The member's size and SHA-256 (hex). Raises Failed over 8 GiB."""
        stop = self._file.tell()
        size = stop - self._at - _BLOCK
        if size > _MAX_SIZE:
            raise Failed(f"{self._name} would take {size} bytes; 8 GiB fit", hint="export a shorter range")
        self._file.write(bytes(-size % _BLOCK))
        self._file.seek(self._at)
        self._file.write(header(self._name, size))
        self._file.seek(0, os.SEEK_END)
        return size, self._hash.hexdigest()


@contextmanager
def new_archive(path: Path) -> Iterator[ArchiveWriter]:
    """An archive at `path`: written aside, on disk, and only then in its place; nothing of it stays where that fails.

    Raises Failed.
    """
    with replaced(path) as file:
        yield ArchiveWriter(file)
        file.write(_END)


class MemberReader:
    """One member, from its beginning. Never holds more than what is asked for."""

    def __init__(self, file: BinaryIO, at: int, size: int) -> None:
        self._file = file
        self._at = at
        self._left = size

    def read(self, count: int) -> bytes:
        """So many bytes, or as many as there are."""
        self._file.seek(self._at)
        data = self._file.read(min(count, self._left))
        self._at += len(data)
        self._left -= len(data)
        return data

    def lines(self, limit: int) -> Iterator[bytes]:
        """Lines without their newline. Raises BadInput for one longer than `limit`, or a last one without end."""
        while self._left:
            self._file.seek(self._at)
            line = self._file.readline(min(limit + 1, self._left))
            self._at += len(line)
            self._left -= len(line)
            if not line.endswith(b"\n"):
                raise BadInput("a line is too long, or the last one has no end")
            yield line[:-1]

    @property
    def left(self) -> int:
        return self._left


class Archive:
    """An archive opened for reading, its headers read and found to be these members in this order."""

    def __init__(self, path: Path, members: Sequence[str]) -> None:
        """Raises BadInput for anything but such an archive, Failed where it cannot be read."""
        self._file: BinaryIO | None = None
        try:
            self._file = path.open("rb", buffering=1 << 16)
            self._members = _index(self._file, members)
        except OSError as error:
            raise Failed(f"cannot read {path}: {error.strerror}") from error
        except BadInput:
            self.close()
            raise

    def close(self) -> None:
        if self._file:
            self._file.close()

    def open(self, name: str) -> MemberReader:
        at, size = self._members[name]
        assert self._file
        return MemberReader(self._file, at, size)

    def size(self, name: str) -> int:
        return self._members[name][1]

    def sha256(self, name: str) -> str:
        """The member's SHA-256 (hex)."""
        digest, reader = hashlib.sha256(), self.open(name)
        while data := reader.read(_CHUNK):
            digest.update(data)
        return digest.hexdigest()


def _index(file: BinaryIO, members: Sequence[str]) -> dict[str, tuple[int, int]]:
    length = os.fstat(file.fileno()).st_size
    found: dict[str, tuple[int, int]] = {}
    at = 0
    for name in members:
        file.seek(at)
        block = file.read(_BLOCK)
        digits = block[124:135]
        size = int(digits, 8) if len(block) == _BLOCK and digits.isdigit() and not set(digits) & set(b"89") else -1
        if size < 0 or block != header(name, size):
            raise BadInput(f"it is not a bundle: at byte {at} there is no header of {name}")
        stop = at + _BLOCK + size
        if stop + -size % _BLOCK + len(_END) > length:
            raise BadInput(f"the bundle is cut short: {name} takes {size} bytes")
        file.seek(stop)
        if any(file.read(-size % _BLOCK)):
            raise BadInput(f"there is something behind {name} that belongs to no file")
        found[name] = (at + _BLOCK, size)
        at = stop + -size % _BLOCK
    file.seek(at)
    if length != at + len(_END) or file.read() != _END:
        raise BadInput("the bundle does not end after its last file")
    return found
