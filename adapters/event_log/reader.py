"""Reading the log: sqlite3 and msgpack only, because every command starts with it."""

import sqlite3
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Self

from adapters.event_log import schema
from adapters.event_log.connection import connect_read_only
from adapters.event_log.head import SELECT, HeadRow, checked_head
from adapters.event_log.raw_file import PAGE_ROWS, SELECT_ROWS, RawLogFile
from domain.errors import BadInput, NotFound, StoreError, Tampered
from domain.ledger.entry import Entry, Head
from domain.ledger.key_changes import KEY_STREAM
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Genesis, Verify, parse_genesis
from domain.ledger.merkle import HASH_BYTES
from domain.ledger.raw import RawLog, RawRow
from domain.ledger.record import entry_of, read_body, read_record

SHORT = 500
"""Events; for fewer, loading what reads them faster takes longer than it saves."""

ReadRow = Callable[[RawRow, str], Entry | None]
"""(row, origin) → the event, or None for a row that needs a closer look."""


class LogReader:
    """The log of one store, for reading. Sees what other processes append as soon as they have committed it."""

    def __init__(
        self,
        path: Path,
        *,
        lock_timeout_s: float = schema.LOCK_TIMEOUT_S,
        long_reads: Callable[[], ReadRow] | None = None,
    ) -> None:
        """`long_reads` loads what is tried first on each row of a long read (domain.ledger.bulk.read_row).

        Raises NotFound, BadInput (foreign, truncated), UnknownFormat (newer), Tampered, Failed (unreadable)."""
        self.path = path
        self._lock_timeout_s = lock_timeout_s
        self._long_reads = long_reads
        self._genesis: Genesis | None = None  # the first event never changes
        self._connection = connect_read_only(path, lock_timeout_s)
        try:
            with schema.translated(path):
                schema.check_format(self._connection, path)
            self.origin = self.head_row().origin
        except StoreError:
            self.close()
            raise

    def close(self) -> None:
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def size(self) -> int:
        return self.head_row().size

    def head(self) -> Head:
        """Raises Tampered where the head row makes no sense."""
        row = self.head_row()
        return Head(row.size, row.frontier.root(), row.time_us, row.checkpoint)

    def head_row(self) -> HeadRow:
        """What the next append builds on. Raises Tampered where it makes no sense."""
        return checked_head(self._query(SELECT), self.path)

    def genesis(self) -> Genesis:
        """What the first event says about the log: store, origin, keys. Raises BadInput, Tampered."""
        if self._genesis is None:
            first = self.entry(1)
            self._genesis = parse_genesis(first.kind, first.payload)
        return self._genesis

    def key_schedule(self, verify: Verify | None = None) -> KeySchedule:
        """Which key may sign what, as the log says now. Raises Tampered, UnknownFormat (a newer version's change)."""
        schedule = KeySchedule(verify)
        first = self.entry(1)
        for entry in (first, *self.stream(KEY_STREAM)):
            try:
                schedule.learn(entry.index, entry.stream, entry.kind, entry.schema, entry.payload)
            except BadInput as error:
                raise Tampered(f"event {entry.position} in {self.path}: {error.message}", hint=_VERIFY) from error
        return schedule

    def key_positions(self, size: int) -> list[int]:
        """Of the events among the first `size` that say which keys sign, in order."""
        return [1, *(entry.position for entry in self.stream(KEY_STREAM) if entry.position <= size)]

    def entry(self, position: int) -> Entry:
        """One event. Raises NotFound outside the log."""
        for entry in self.entries(position, position):
            return entry
        raise NotFound(f"there is no event {position} in the log", hint=f"the log has {self.size} events")

    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]:
        """Positions start..stop (inclusive), in order or from the end; without `stop` as many as there are at first.

        Signatures and hashes are not checked here: that is verification's work. Raises Tampered for a record that
        cannot be read or does not belong where it lies.
        """
        read: ReadRow | None = None
        for number, row in enumerate(self._rows(start, stop, kinds, reverse)):
            if number == SHORT and self._long_reads is not None:
                read = self._long_reads()
            yield (read(row, self.origin) if read is not None else None) or self._entry(row)

    def stream(self, stream: str) -> Iterator[Entry]:
        """A stream's events in their order, found by index: for streams of few events. Raises as `entries` does."""
        query = f"{SELECT_ROWS} WHERE originator_id = ? ORDER BY position"
        for row in self._query(query, [stream]):
            yield self._entry(RawRow._make(row))

    def last_of(self, stream: str) -> Entry | None:
        """A stream's newest event, found by index."""
        query = f"{SELECT_ROWS} WHERE originator_id = ? ORDER BY originator_version DESC LIMIT 1"
        for row in self._query(query, [stream]):
            return self._entry(RawRow._make(row))
        return None

    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[RawRow]:
        """The rows of positions start..stop as stored, nothing believed."""
        return self._rows(start, stop, (), False)

    def leaf_hashes(self, start: int, stop: int) -> list[bytes]:
        """The leaf hashes of indexes [start, stop). Raises Tampered where the log has not all of them."""
        query = "SELECT leaf_hash FROM stored_events WHERE position BETWEEN ? AND ? ORDER BY position"
        leaves = [leaf for (leaf,) in self._query(query, (start + 1, stop))]
        if len(leaves) != stop - start or any(type(leaf) is not bytes or len(leaf) != HASH_BYTES for leaf in leaves):
            raise Tampered(
                f"the event log {self.path} lacks leaf hashes of events {start + 1} to {stop}",
                hint="'storectl verify' tells what is wrong where",
            )
        return leaves

    def raw_record(self, position: int) -> tuple[bytes, bytes]:
        """One event's record and leaf hash, as stored. Raises NotFound, Tampered."""
        for row in self.rows(position, position):
            if type(row.record) is bytes and type(row.leaf_hash) is bytes:
                return row.record, row.leaf_hash
            raise Tampered(f"event {position} in {self.path}: its record or leaf hash is not bytes")
        raise NotFound(f"there is no event {position} in the log", hint=f"the log has {self.size} events")

    def snapshot(self, after: int = 0) -> AbstractContextManager[RawLog]:
        """The file for verification (domain.ledger.raw.RawSource); RawLogFile does without a head row that holds."""
        return RawLogFile(self.path, self._lock_timeout_s).snapshot(after)

    def last_position(self) -> int:
        """The last row's, whatever the head row says."""
        ((last,),) = self._query("SELECT coalesce(max(position), 0) FROM stored_events")
        return int(last)

    def next_versions(self, streams: Sequence[str]) -> dict[str, int]:
        """The version that each stream's next event will have, as things stand now."""
        with schema.translated(self.path):
            return next_versions(self._connection, streams)

    def _query(self, query: str, values: Sequence[object] = ()) -> list[Any]:
        with schema.translated(self.path):
            return self._connection.execute(query, values).fetchall()

    def _rows(self, start: int, stop: int | None, kinds: Sequence[str], reverse: bool) -> Iterator[RawRow]:
        # Page by page, each query read to its end: while one is open, this connection would go on seeing the log as
        # it was then, and whoever appends during the iteration would not find what was appended.
        stop = self.last_position() if stop is None else stop
        chosen = f" AND topic IN ({','.join('?' * len(kinds))})" if kinds else ""
        order = "ORDER BY position DESC" if reverse else "ORDER BY position"
        query = f"{SELECT_ROWS} WHERE position BETWEEN ? AND ?{chosen} {order} LIMIT ?"
        while start <= stop:
            page = list(map(RawRow._make, self._query(query, [start, stop, *kinds, PAGE_ROWS])))
            yield from page
            if len(page) < PAGE_ROWS:
                return
            start, stop = (start, page[-1].position - 1) if reverse else (page[-1].position + 1, stop)

    def _entry(self, row: RawRow) -> Entry:
        try:
            if type(row.record) is not bytes or type(row.leaf_hash) is not bytes:
                raise BadInput("its record or leaf hash is not bytes")
            record = read_record(row.record)
            body = read_body(record.body)
            if (body.origin, body.leaf_index + 1, body.stream, body.stream_version, body.kind) != (
                self.origin, row.position, row.stream, row.stream_version, row.kind,
            ):  # fmt: skip
                raise BadInput("it is not what its columns say")
        except BadInput as error:
            raise Tampered(f"event {row.position} in {self.path}: {error.message}", hint=_VERIFY) from error
        return entry_of(body, record, row.leaf_hash)


def next_versions(connection: sqlite3.Connection | sqlite3.Cursor, streams: Sequence[str]) -> dict[str, int]:
    """The version that each stream's next event will have."""
    versions = dict.fromkeys(streams, 0)
    names = list(versions)
    for at in range(0, len(names), _VARIABLES):
        some = names[at : at + _VARIABLES]
        query = (
            "SELECT originator_id, max(originator_version) + 1 FROM stored_events "  # noqa: S608
            f"WHERE originator_id IN ({','.join('?' * len(some))}) GROUP BY originator_id"
        )
        versions.update(tuple(row) for row in connection.execute(query, some))
    return versions


_VARIABLES = 500  # in one statement; old builds of SQLite take 999
_VERIFY = "'storectl verify' tells what is wrong where"
