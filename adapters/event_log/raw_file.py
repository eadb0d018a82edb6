"""The log file for verification: whatever lies there, nothing believed."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.event_log import head, schema
from adapters.event_log.connection import connect_read_only
from domain.ledger.raw import RawHead, RawLog, RawRow

SELECT_ROWS = "SELECT position, originator_id, originator_version, topic, state, leaf_hash FROM stored_events"
PAGE_ROWS = 500


@dataclass(frozen=True, slots=True)
class RawLogFile:
    """A log that may be anything but whole (domain.ledger.raw.RawSource)."""

    path: Path
    lock_timeout_s: float = schema.LOCK_TIMEOUT_S

    @contextmanager
    def snapshot(self, after: int = 0) -> Iterator[RawLog]:
        """Raises NotFound, BadInput (foreign, truncated), UnknownFormat (newer), Busy, Failed (unreadable)."""
        with closing(connect_read_only(self.path, self.lock_timeout_s)) as connection:
            with schema.translated(self.path):
                connection.execute("BEGIN")
                schema.check_format(connection, self.path)
                heads = connection.execute(head.SELECT).fetchall()
            yield RawLog(RawHead(*heads[0]) if len(heads) == 1 else None, self._stream(connection, after))

    def _stream(self, connection: sqlite3.Connection, after: int) -> Iterator[RawRow]:
        # Whatever lies there: a position may be anything, unless the rows before are to be left out.
        beyond = f" WHERE position > {after}" if after else ""
        with schema.translated(self.path):
            cursor = connection.execute(f"{SELECT_ROWS}{beyond} ORDER BY position")
        while True:
            with schema.translated(self.path):
                page = cursor.fetchmany(PAGE_ROWS)
            if not page:
                return
            yield from map(RawRow._make, page)
