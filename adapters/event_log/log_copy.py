"""A consistent copy of a log while others append to it: SQLite's backup API sees one moment."""

import os
import sqlite3
from contextlib import closing
from pathlib import Path

from adapters.event_log import schema
from adapters.event_log.connection import connect_read_only
from domain.errors import Failed


def copy_log(source: Path, target: Path) -> None:
    """Copy the log into one file of its own, without a -wal file, on disk when this returns; replaces what was there.

    Raises what opening the source raises; Failed where the target cannot be written.
    """
    aside = target.with_name(f".{target.name}.new")
    try:
        aside.unlink(missing_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
        with (
            closing(connect_read_only(source, schema.LOCK_TIMEOUT_S)) as reading,
            closing(sqlite3.connect(aside, isolation_level=None)) as writing,
        ):
            with schema.translated(source):
                schema.check_format(reading, source)
            with schema.translated(target):
                reading.backup(writing)
                # The copy says of itself that it has a -wal file, as the log does; a file on its own must not.
                writing.execute("PRAGMA journal_mode = DELETE").fetchone()
        descriptor = os.open(aside, os.O_RDONLY)
        os.fsync(descriptor)
        os.close(descriptor)
        aside.replace(target)
    except OSError as error:
        raise Failed(f"cannot write {target}: {error.strerror}", hint="is there room left?") from error
