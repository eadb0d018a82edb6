"""A cache on disk: whole or absent, and never worth failing for."""

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_MAX_BYTES = 512 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class CacheFile:
    """Bytes that can be thrown away. Written aside and renamed; not synced, since what is lost is built again."""

    path: Path

    def read(self) -> bytes:
        """What was written last; empty if there is nothing, or nothing readable."""
        try:
            with self.path.open("rb") as file:
                return file.read(_MAX_BYTES)
        except OSError:
            return b""

    def write(self, data: bytes) -> None:
        """Replace the content. A full disk or a missing right is no reason to fail: the next reader rebuilds."""
        aside = self.path.with_name(f"{self.path.name}.{os.getpid()}")
        try:
            self.path.parent.mkdir(mode=0o700, exist_ok=True)
            descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
            aside.replace(self.path)
        except OSError:
            with contextlib.suppress(OSError):
                aside.unlink()
