"""Whether a running program still gets anywhere, told by what it and its children read and write.

A registry that accepts a connection and then says nothing keeps skopeo waiting for ever: it has no limit of its own.
What has been printed says little, since one large layer is one line. `/proc/<pid>/io` counts every byte that is read
from a socket or written to a file.
"""

import time
from contextlib import suppress
from pathlib import Path

_LEAST = 4096  # bytes: fewer in all of the limit is a dead connection's noise
_PROC = Path("/proc")


class ProgressWatch:
    """Of one process session; `limit_s` seconds without progress are too many."""

    def __init__(self, session: int, limit_s: float) -> None:
        self.limit_s = limit_s
        self._session = session
        self._moved = -1
        self._since = time.monotonic()

    @property
    def interval_s(self) -> float:
        """How often to look."""
        return max(0.05, min(1.0, self.limit_s / 5))

    def stalled(self) -> bool:
        """Look now. What cannot be looked at counts as progress: the time limit on the whole remains."""
        moved = _bytes_moved(self._session)
        if moved is None or abs(moved - self._moved) >= _LEAST:
            self._moved, self._since = moved or 0, time.monotonic()
        return time.monotonic() - self._since > self.limit_s


def _bytes_moved(session: int) -> int | None:
    """Bytes read and written by all processes of the session; None while one of them waits for the disk."""
    total = 0
    for directory in _PROC.iterdir():
        if not directory.name.isdecimal():
            continue
        with suppress(FileNotFoundError, ProcessLookupError):
            # pid (name, which may hold anything) state ppid pgrp session …; proc(5)
            fields = (directory / "stat").read_text("utf-8", "replace").rpartition(")")[2].split()
            if int(fields[3]) != session:
                continue
            if fields[0] == "D":
                return None
            try:
                total += _counted((directory / "io").read_text("ascii"))
            except PermissionError:
                return None
    return total


def _counted(text: str) -> int:
    found = dict(line.split(": ", 1) for line in text.splitlines() if ": " in line)
    return int(found["rchar"]) + int(found["wchar"])
