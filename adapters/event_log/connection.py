"""A connection that only reads the log file."""

import os
import sqlite3
from functools import partial
from pathlib import Path

from adapters.event_log import schema
from domain.errors import Failed

_SHARED_MEMORY = 128 * 1024  # bytes: a -shm file begins with 32 KiB; others may take what is free meanwhile


def connect_read_only(path: Path, lock_timeout_s: float) -> sqlite3.Connection:
    """Raises what `schema.translated` says, NotFound, and Failed where the file cannot be read as it lies."""
    schema.check_file(path)
    uri = f"{path.absolute().as_uri()}?mode=ro"
    # A database in WAL mode needs a -shm file beside it. Where none can be made nobody writes, either, and the file may
    # be read as it is; but not without what a -wal file still holds.
    wal = path.with_name(path.name + "-wal")
    held_back = wal.exists() and wal.stat().st_size > 0
    with schema.translated(path):
        if not held_back and _is_full(path.parent):
            # SQLite maps the file into memory: on a full disk a page of it may get no block, which is a SIGBUS.
            return _opened(f"{uri}&immutable=1", lock_timeout_s)
        try:
            return _opened(uri, lock_timeout_s)
        except sqlite3.OperationalError:
            if os.access(path.parent, os.W_OK):
                raise
            if held_back:
                raise Failed(
                    f"the event log {path} cannot be read where it lies: {wal.name} holds events, and the directory "
                    "cannot be written to",
                    hint=f"copy {path.name} and {wal.name} together to a writable directory",
                ) from None
            return _opened(f"{uri}&immutable=1", lock_timeout_s)


def _is_full(directory: Path) -> bool:
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize < _SHARED_MEMORY


def _opened(uri: str, lock_timeout_s: float) -> sqlite3.Connection:
    connection = sqlite3.connect(uri, uri=True, isolation_level=None, timeout=lock_timeout_s, check_same_thread=False)
    try:
        # Text that is not UTF-8 is a finding, not an exception in the middle of reading.
        connection.text_factory = partial(str, encoding="utf-8", errors="surrogateescape")
        connection.execute("SELECT count(*) FROM sqlite_master").fetchone()  # the file is really opened here
    except sqlite3.Error:
        connection.close()
        raise
    return connection
