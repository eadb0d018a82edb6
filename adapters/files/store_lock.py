"""One changing command at a time: a lock file beside the log, locked through an open file description.

The kernel lets go when the process dies, however it dies: a lock that is free and an operation that is open together
mean that the operation's owner is gone.
"""

import fcntl
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from adapters.files.remedies import remedy
from domain.errors import Busy, Failed

_POLL_S = 0.05
_MAX_NAME = 200


@dataclass(frozen=True, slots=True)
class FileLock:
    """Implements `domain.ports.StoreLock`. `holder` is what others are told while this process holds it."""

    path: Path
    holder: str

    @contextmanager
    def hold(self, wait_s: float) -> Iterator[None]:
        """Raises Busy, naming the holder, if it is not free within `wait_s` seconds."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Failed(f"cannot lock {self.path}: {error.strerror}", hint=remedy(error)) from error
        try:
            self._lock(descriptor, time.monotonic() + wait_s, wait_s)
            with suppress(OSError):  # a courtesy to others, which a full disk may not have room for
                os.ftruncate(descriptor, 0)
                os.pwrite(descriptor, self.holder.encode()[:_MAX_NAME], 0)
            yield
        finally:
            os.close(descriptor)

    def _lock(self, descriptor: int, deadline: float, wait_s: float) -> None:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    holder = os.pread(descriptor, _MAX_NAME, 0).decode("utf-8", "replace") or "another process"
                    raise Busy(
                        f"the store is held by {holder}; waited {wait_s:g} s", hint="try again, or wait longer: --wait"
                    ) from None
                time.sleep(_POLL_S)
            else:
                return
