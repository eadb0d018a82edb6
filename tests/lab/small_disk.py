"""A small ext4 file system in a file, mounted at a directory, that can be filled to the brim and emptied again."""

import os
import subprocess
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self


class SmallDisk:
    """Mounted at `path` while the context lasts. `mib`: its size."""

    def __init__(self, path: Path, mib: int) -> None:
        self.path, self._mib = path, mib
        self._image = path.with_name(f"{path.name}.ext4")
        self._filler = path / "lost+found/filler"

    def __enter__(self) -> Self:
        self.path.mkdir()
        with self._image.open("wb") as file:
            file.truncate(self._mib * 1024 * 1024)
        # No blocks kept back for root: full means full.
        _run("mkfs.ext4", "-q", "-F", "-m", "0", "-b", "4096", "-O", "^has_journal", str(self._image))
        _run("mount", "-o", "loop", str(self._image), str(self.path))
        return self

    def free(self) -> int:
        status = os.statvfs(self.path)
        return status.f_bavail * status.f_frsize

    def fill(self, leave: int) -> None:
        """Until only so many bytes are free, or fewer."""
        os.sync()
        with self._filler.open("ab") as file:
            while (more := self.free() - leave) > 0:
                step = max(4096, more // 2)
                try:
                    os.posix_fallocate(file.fileno(), file.seek(0, os.SEEK_END), step)
                except OSError:
                    break

    def empty(self) -> None:
        """Take away what `fill` put there."""
        with suppress(FileNotFoundError):
            self._filler.unlink()

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        # What a failed test left mounted below would keep it busy.
        _run("umount", "--recursive", "--lazy", str(self.path))
        self._image.unlink()


def _run(*argv: str) -> None:
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, f"{argv}: {done.stderr}"
