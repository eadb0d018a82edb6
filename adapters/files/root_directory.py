"""A root file system in a directory, read so that nothing outside of it can be reached.

Every path is walked from the root's own descriptor, component by component, without following a link: a link that
somebody puts in the way meanwhile is an error, not a way out.
"""

import errno
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import BadInput, Failed, NotFound
from domain.roots import MAX_FILE_BYTES, FileType

_WALK = os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC
# A name that is too long, or that leads through a file, is a name of nothing.
_NOTHING = (errno.ENOENT, errno.ENOTDIR, errno.ENAMETOOLONG)


class RootDirectory:
    """Implements `domain.roots.RootTree`."""

    def __init__(self, root: Path) -> None:
        """Raises NotFound for what is not a directory."""
        self.root = root
        if not root.is_dir():
            raise NotFound(f"{root} is not a directory", hint="name the root of a file system")

    def kind(self, path: str) -> FileType | None:
        try:
            with self._at(path) as descriptor:
                return _file_type(os.fstat(descriptor).st_mode)
        except NotFound:
            return None

    def readlink(self, path: str) -> str:
        with self._at(path, "symlink") as descriptor:
            return os.readlink("", dir_fd=descriptor)

    def names(self, path: str) -> tuple[str, ...]:
        with self._at(path, "directory") as descriptor:
            opened = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=descriptor)
            try:
                return tuple(sorted(os.listdir(opened)))  # noqa: PTH208 (a descriptor, not a path)
            finally:
                os.close(opened)

    def read(self, path: str) -> bytes:
        # Looked at before it is opened for reading: opening a fifo waits, opening a device acts. What is opened then
        # is the very inode that was looked at, whatever has taken its name meanwhile.
        with self._at(path, "file") as descriptor, Path(f"/proc/self/fd/{descriptor}").open("rb") as file:
            data = file.read(MAX_FILE_BYTES + 1)
        if len(data) > MAX_FILE_BYTES:
            raise BadInput(f"{self._shown(path)} has more than {MAX_FILE_BYTES} bytes")
        return data

    @contextmanager
    def _at(self, path: str, wanted: FileType | None = None) -> Iterator[int]:
        """A descriptor of what lies there, good for looking only. Raises NotFound, unless it is what is `wanted`."""
        current = -1
        try:
            current = os.open(self.root, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            for part in _parts(path):
                following = os.open(part, _WALK, dir_fd=current)
                os.close(current)
                current = following
            if wanted is not None and _file_type(os.fstat(current).st_mode) != wanted:
                raise NotFound(f"{self._shown(path)} is not a {wanted}")
            yield current
        except OSError as error:
            if error.errno in _NOTHING:
                raise NotFound(f"there is no {self._shown(path)}") from error
            raise Failed(f"cannot read {self._shown(path)}: {error.strerror}", hint="run this as root") from error
        finally:
            if current >= 0:
                os.close(current)

    def _shown(self, path: str) -> str:
        return ascii(f"{self.root}{path}")[1:-1]


def _parts(path: str) -> list[str]:
    parts = [part for part in path.split("/") if part not in ("", ".")]
    if ".." in parts or "\0" in path:
        raise BadInput(f"{path!r} is not a resolved path")
    return parts


def _file_type(mode: int) -> FileType:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "symlink" if stat.S_ISLNK(mode) else "other"
