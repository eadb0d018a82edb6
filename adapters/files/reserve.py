"""Space set aside, so that a full disk can always be emptied.

`gc` and `undeploy` have to record what they do before space is free, and podman has to rewrite its lists. A file holds
blocks for that; where they are needed it is given up, and made again once there is room.
"""

import os
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

_MOST = 8 * 1024 * 1024  # bytes: an operation's events for 400 images, and containers-storage's lists of them
_LEAST = 512 * 1024
_SHARE = 64  # of a small file system only this part


@dataclass(frozen=True, slots=True)
class Reserve:
    """In the file at `path`, which need not exist."""

    path: Path

    def scarce(self) -> bool:
        """Whether less is free than what is set aside for such a time."""
        free, size = self._room()
        return free < size

    def give_up(self) -> bool:
        """Free the blocks; whether there were any. Never raises."""
        try:
            held = self.path.stat().st_blocks
            # Truncated, not removed: a directory need not grow for it to come back.
            os.truncate(self.path, 0)
        except OSError:
            return False
        return held > 0

    def set_aside(self) -> None:
        """Take the blocks again, if there is room for twice as many. Never raises: this is for bad days only."""
        with suppress(OSError):
            free, size = self._room()
            if (self.path.exists() and self.path.stat().st_size >= size) or free < 2 * size:
                return
            descriptor = os.open(self.path, os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            try:
                os.posix_fallocate(descriptor, 0, size)
                os.fsync(descriptor)
            finally:
                os.close(descriptor)

    def _room(self) -> tuple[int, int]:
        """Bytes free on the file system, and the reserve's size there."""
        status = os.statvfs(self.path.parent)
        total = status.f_blocks * status.f_frsize
        return status.f_bavail * status.f_frsize, max(_LEAST, min(_MOST, total // _SHARE))
