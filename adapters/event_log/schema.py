"""The log file: its tables, what marks it as ours, and SQLite's complaints in our words.

The tables keep appending the only thing that the program can do by mistake. They stop nobody who writes to the file
on purpose: that is what the signatures are for.
"""

import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from domain.errors import BadInput, Busy, Failed, NotFound, StoreError, UnknownFormat

APPLICATION_ID = 0x53544C47  # "STLG", in the file's header (PRAGMA application_id)
FORMAT_VERSION = 1  # PRAGMA user_version
LOCK_TIMEOUT_S = 30.0  # SQLite hands its write lock over unfairly: with 16 writers 2.4 s of waiting were seen

_MAGIC = b"SQLite format 3\0"

# "position INTEGER PRIMARY KEY": an implicit rowid is used again after a deletion, and VACUUM may renumber it.
# INSERT OR REPLACE deletes without firing a DELETE trigger: hence the look for the same stream version.
STATEMENTS = (
    """CREATE TABLE stored_events (
        position INTEGER PRIMARY KEY CHECK (position > 0),
        originator_id TEXT NOT NULL CHECK (typeof(originator_id) = 'text' AND length(originator_id) > 0),
        originator_version INTEGER NOT NULL CHECK (typeof(originator_version) = 'integer' AND originator_version >= 0),
        topic TEXT NOT NULL CHECK (typeof(topic) = 'text' AND length(topic) > 0),
        state BLOB NOT NULL CHECK (typeof(state) = 'blob' AND length(state) BETWEEN 1 AND 65535),
        leaf_hash BLOB NOT NULL CHECK (typeof(leaf_hash) = 'blob' AND length(leaf_hash) = 32),
        UNIQUE (originator_id, originator_version))""",
    """CREATE TABLE log_head (
        id INTEGER PRIMARY KEY CHECK (id = 1),
        origin TEXT NOT NULL CHECK (length(origin) > 0),
        size INTEGER NOT NULL CHECK (size >= 0),
        prev BLOB NOT NULL CHECK (length(prev) = 32),
        time_us INTEGER NOT NULL CHECK (time_us >= 0),
        frontier BLOB NOT NULL CHECK (length(frontier) % 32 = 0 AND length(frontier) <= 2048),
        checkpoint TEXT NOT NULL)""",
    """CREATE TRIGGER stored_events_no_update BEFORE UPDATE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER stored_events_no_delete BEFORE DELETE ON stored_events
        BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER stored_events_dense BEFORE INSERT ON stored_events
        WHEN NEW.position IS NOT (SELECT coalesce(max(position), 0) + 1 FROM stored_events)
        OR EXISTS (SELECT 1 FROM stored_events
                   WHERE originator_id = NEW.originator_id AND originator_version = NEW.originator_version)
        BEGIN SELECT RAISE(ABORT, 'the event log is append-only: not the next event'); END""",
    """CREATE TRIGGER log_head_grows BEFORE UPDATE ON log_head WHEN NEW.size < OLD.size OR NEW.origin IS NOT OLD.origin
        BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    """CREATE TRIGGER log_head_stays BEFORE DELETE ON log_head
        BEGIN SELECT RAISE(ABORT, 'the event log is append-only'); END""",
    f"PRAGMA application_id = {APPLICATION_ID}",
    f"PRAGMA user_version = {FORMAT_VERSION}",
)


def check_file(path: Path) -> None:
    """What can be told before SQLite looks at it. Raises NotFound, BadInput or Failed, naming the file."""
    try:
        with path.open("rb") as file:
            header, length = file.read(100), os.fstat(file.fileno()).st_size
    except FileNotFoundError:
        raise NotFound(f"there is no event log at {path}", hint="'storectl init' makes one") from None
    except OSError as error:
        raise Failed(f"cannot read the event log {path}: {error.strerror}") from error
    if len(header) < 100 or not header.startswith(_MAGIC):
        raise BadInput(f"{path} is not an event log: it is not an SQLite database", hint=_RESTORE)
    page = int.from_bytes(header[16:18], "big")
    # SQLite itself reads a page that is cut short as if zeros followed, and finds NULLs there.
    if length % (65536 if page == 1 else page or 512):
        raise BadInput(f"the event log {path} is truncated: its last page is cut short", hint=_RESTORE)


def check_format(connection: sqlite3.Connection, path: Path) -> None:
    """Raises BadInput for a database of something else, UnknownFormat for a log of a newer version."""
    (application_id,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application_id != APPLICATION_ID or version < 1:
        raise BadInput(f"{path} is an SQLite database, but not an event log", hint=_RESTORE)
    if version > FORMAT_VERSION:
        raise UnknownFormat(
            f"the event log {path} has format {version}; this program knows formats up to {FORMAT_VERSION}",
            hint="a newer storectl wrote this log: use that version, or a later one",
        )


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn SQLite's errors into ours, naming the file."""
    try:
        yield
    except sqlite3.Error as error:
        raise as_ours(error, path) from error


def as_ours(error: sqlite3.Error, path: Path) -> StoreError:
    name = getattr(error, "sqlite_errorname", None) or ""
    if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
        return Busy(f"another program holds the event log {path}", hint="try again when it has finished")
    if name.startswith(("SQLITE_CORRUPT", "SQLITE_NOTADB")):
        return BadInput(f"the event log {path} is damaged or truncated: {error}", hint=_RESTORE)
    if name == "SQLITE_ERROR" and "no such" in str(error):
        return BadInput(f"{path} is not a whole event log: {error}", hint=_RESTORE)
    hint = "is the disk full? 'df' tells" if name.startswith(("SQLITE_FULL", "SQLITE_IOERR", "SQLITE_CANTOPEN")) else ""
    return Failed(f"the event log {path}: {error}", hint=hint)


_RESTORE = "restore the file from a backup; nothing was changed"
