"""A directory for a rehearsal: made, measured, and taken away whole, whatever lies in it by then.

ostree makes the roots of deployments immutable (chattr +i): nothing below can be removed before that is taken back.
One that was left by a process which was killed goes with the next rehearsal in the same place.
"""

import fcntl
import os
import re
import shutil
import struct
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from domain.errors import Failed

_PREFIX = "storectl-drill-"
_NAME = re.compile(rf"{_PREFIX}(?P<pid>[0-9]+)-.+")
_GET_FLAGS, _SET_FLAGS, _IMMUTABLE = 0x80086601, 0x40086602, 0x10  # linux/fs.h, FS_IOC_GETFLAGS and so on

Before = Callable[[Path], None]
"""What has to go elsewhere, while the directory can still tell."""


@contextmanager
def scratch(parent: Path, before: Before) -> Iterator[Path]:
    """A new directory below `parent`, taken away in the end; `before` is called first. Raises Failed."""
    _clear_left(parent, before)
    try:
        place = Path(tempfile.mkdtemp(prefix=f"{_PREFIX}{os.getpid()}-", dir=parent))
    except OSError as error:
        raise Failed(
            f"cannot make a directory in {parent}: {error.strerror}", hint="--scratch names another"
        ) from error
    try:
        yield place
    finally:
        before(place)
        _remove(place)


def disk_usage(place: Path) -> int:
    """Bytes on the disk of all files below, each counted once however many names it has."""
    seen: set[tuple[int, int]] = set()
    length = 0
    for directory, names, files in os.walk(place):
        for name in (*names, *files):
            status = (Path(directory) / name).lstat()
            if (status.st_dev, status.st_ino) not in seen:
                seen.add((status.st_dev, status.st_ino))
                length += status.st_blocks * 512
    return length


def _clear_left(parent: Path, before: Before) -> None:
    for place in parent.glob(f"{_PREFIX}*"):
        match = _NAME.fullmatch(place.name)
        if match and place.is_dir() and not place.is_symlink() and not Path(f"/proc/{match['pid']}").exists():
            before(place)
            _remove(place)


def _remove(place: Path) -> None:
    for root in place.glob("sysroot/ostree/deploy/*/deploy/*"):
        if root.is_dir() and not root.is_symlink():
            with suppress(OSError):
                _make_mutable(root)
    try:
        shutil.rmtree(place)
    except OSError as error:
        raise Failed(f"cannot remove {place}: {error.filename}: {error.strerror}", hint="remove it by hand") from error


def _make_mutable(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        data = fcntl.ioctl(descriptor, _GET_FLAGS, struct.pack("l", 0))
        (flags,) = struct.unpack("l", data)
        fcntl.ioctl(descriptor, _SET_FLAGS, struct.pack("l", flags & ~_IMMUTABLE))
    finally:
        os.close(descriptor)
