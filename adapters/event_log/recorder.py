"""The eventsourcing library's SQLite persistence, with a recorder that signs.

Chain, signatures, tree and checkpoint are made inside the transaction that inserts the events, under the write lock,
so that nothing can be stored without them. Usable as PERSISTENCE_MODULE, too
("adapters.event_log.recorder:SigningSQLiteFactory"): without keys in hand it reads and refuses to write.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import UUID

from eventsourcing.persistence import (
    AggregateRecorder,
    ConnectionUnavailableError,
    IntegrityError,
    InterfaceError,
    Notification,
    OperationalError,
    PersistenceError,
    ProcessRecorder,
    ProgrammingError,
    StoredEvent,
)
from eventsourcing.sqlite import (
    SQLiteApplicationRecorder,
    SQLiteConnection,
    SQLiteConnectionPool,
    SQLiteCursor,
    SQLiteDatastore,
    SQLiteFactory,
    SQLiteTransaction,
)
from eventsourcing.utils import Environment, EnvType

from adapters.event_log import schema
from adapters.event_log.head import SELECT, HeadRow, checked_head
from adapters.event_log.reader import next_versions
from adapters.event_log.sealing import Terms, Unsealed, seal
from adapters.event_log.signing import Signing
from domain.errors import Busy, Conflict, Failed, KeyUnusable
from domain.ledger.key_changes import KEY_STREAM
from domain.ledger.record import read_body, read_record

ORIGIN = "STORECTL_ORIGIN"  # the factory's environment: the origin of a log that has to be made first


class ImmediateTransaction(SQLiteTransaction):
    """Takes the write lock first. A deferred transaction that has read can't be upgraded: it fails at once when
    somebody else has written since, without the busy timeout.
    """

    def __enter__(self) -> SQLiteCursor:
        cursor = self.connection.cursor()
        try:
            cursor.execute("BEGIN IMMEDIATE" if self.commit else "BEGIN")
        except sqlite3.Error as error:  # the library converts only what happens after this
            raise OperationalError(error) from error
        return cursor


class SigningConnection(SQLiteConnection):
    @contextmanager
    def transaction(self, *, commit: bool) -> Iterator[SQLiteCursor]:
        with ImmediateTransaction(self, commit=commit) as cursor, cursor:
            yield cursor


class SigningPool(SQLiteConnectionPool):
    """Connections that wait `lock_timeout_s` for the write lock and return from COMMIT only when it is on disk."""

    def __init__(self, *, db_name: str, lock_timeout_s: float) -> None:
        super().__init__(db_name=db_name, pool_timeout=max(lock_timeout_s, 5.0))
        self._lock_timeout_s = lock_timeout_s

    def _create_connection(self) -> SQLiteConnection:
        try:
            connection = sqlite3.connect(
                self.db_name, uri=True, check_same_thread=False, isolation_level=None, timeout=self._lock_timeout_s
            )
            connection.execute("PRAGMA journal_mode = WAL").fetchone()
            # Some builds of SQLite make NORMAL the default in WAL mode: a power cut would then take back commits.
            connection.execute("PRAGMA synchronous = FULL")
        except sqlite3.Error as error:
            raise InterfaceError(error) from error
        connection.row_factory = sqlite3.Row
        return SigningConnection(connection, max_age=self.max_age)


class SigningRecorder(SQLiteApplicationRecorder):
    """`insert_events(events, terms=Terms(…))` appends all or none. `state` is the payload on the way in and out; the
    table's `state` is the whole record.
    """

    def __init__(self, datastore: SQLiteDatastore, *, signing: Signing | None = None, origin: str = "") -> None:
        super().__init__(datastore)
        self.signing = signing
        self._origin = origin

    def construct_create_table_statements(self) -> list[str]:
        return list(schema.STATEMENTS)

    def _create_table(self, c: SQLiteCursor) -> None:
        c.execute("SELECT count(*) FROM sqlite_master")
        if c.fetchone()[0]:
            return
        super()._create_table(c)
        c.execute("INSERT INTO log_head VALUES (1, ?, 0, zeroblob(32), 0, x'', '')", (self._origin,))

    def _insert_events(self, c: SQLiteCursor, stored_events: Sequence[StoredEvent], **kwargs: Any) -> Sequence[int]:
        if not stored_events:
            return []
        signing = self.signing
        if signing is None:
            raise KeyUnusable("the event log was opened without its keys: nothing can be appended")
        terms = kwargs.get("terms")
        if not isinstance(terms, Terms):
            raise ProgrammingError("an append to the event log has to say on what terms (terms=Terms(…))")
        head = self._read_head(c)
        if terms.expected is not None and head.size != terms.expected:
            raise Conflict(
                f"the event log has grown: decided at {terms.expected} events, now there are {head.size}",
                hint="look again and decide anew",
            )
        if next_versions(c.sqlite_cursor, [KEY_STREAM])[KEY_STREAM] != signing.changes:
            raise Conflict("the event log's keys have changed meanwhile", hint="run the command again")
        events = [Unsealed(_text(e.originator_id), e.originator_version, e.topic, e.state) for e in stored_events]
        _require_next_versions(c, events)
        sealed = seal(head, events, terms, signing)
        rows, new_head = sealed.rows, sealed.head
        c.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)", rows)
        c.execute(
            "UPDATE log_head SET size = ?, prev = ?, time_us = ?, frontier = ?, checkpoint = ?",
            (new_head.size, new_head.prev, new_head.time_us, new_head.frontier.to_bytes(), new_head.checkpoint),
        )
        terms.sealed.append(sealed)
        return [row.position for row in rows]

    def _read_head(self, c: SQLiteCursor) -> HeadRow:
        c.execute(SELECT)
        return checked_head([tuple(row) for row in c.fetchall()], self.datastore.pool.db_name)

    def select_events(
        self,
        originator_id: UUID | str,
        *,
        gt: int | None = None,
        lte: int | None = None,
        desc: bool = False,
        limit: int | None = None,
    ) -> Sequence[StoredEvent]:
        stored = super().select_events(originator_id, gt=gt, lte=lte, desc=desc, limit=limit)
        return [
            StoredEvent(event.originator_id, event.originator_version, event.topic, _payload(event.state))
            for event in stored
        ]

    def select_notifications(
        self,
        start: int | None,
        limit: int,
        stop: int | None = None,
        topics: Sequence[str] = (),
        *,
        inclusive_of_start: bool = True,
    ) -> Sequence[Notification]:
        # The library's own asks for "rowid", which SQLite calls "position" in our table.
        conditions, values = ["1"], list[int | str]()
        if start is not None:
            conditions.append("position >= ?" if inclusive_of_start else "position > ?")
            values.append(start)
        if stop is not None:
            conditions.append("position <= ?")
            values.append(stop)
        if topics:
            conditions.append(f"topic IN ({','.join('?' * len(topics))})")
            values += topics
        with self.datastore.transaction(commit=False) as c:
            c.execute(
                "SELECT position, originator_id, originator_version, topic, state FROM stored_events "  # noqa: S608
                f"WHERE {' AND '.join(conditions)} ORDER BY position LIMIT ?",
                [*values, limit],
            )
            return [
                Notification(
                    id=position,
                    originator_id=self.convert_originator_id(stream),
                    originator_version=version,
                    topic=topic,
                    state=_payload(state),
                )
                for position, stream, version, topic, state in c.fetchall()
            ]


class SigningSQLiteFactory(SQLiteFactory):
    """The library's factory, offering the signing recorder and no other. The keys come through the constructor: an
    environment could be replaced by whoever starts the program.
    """

    def __init__(
        self,
        env: Environment | EnvType | None,
        *,
        signing: Signing | None = None,
        lock_timeout_s: float = schema.LOCK_TIMEOUT_S,
    ) -> None:
        super().__init__(env)
        self._signing = signing
        self.datastore.originator_id_type = "text"
        self.datastore.pool = SigningPool(db_name=self.datastore.pool.db_name, lock_timeout_s=lock_timeout_s)

    def application_recorder(self) -> SigningRecorder:
        origin = self.env.get(ORIGIN, "")
        recorder = SigningRecorder(self.datastore, signing=self._signing, origin=origin)
        if origin and self.env_create_table():
            recorder.create_table()
        return recorder

    def aggregate_recorder(self, purpose: str = "events") -> AggregateRecorder:
        raise ProgrammingError(f"the event log keeps no unsigned {purpose}")

    def process_recorder(self) -> ProcessRecorder:
        raise ProgrammingError("the event log keeps no process records")


def factory(
    path: Path, signing: Signing, *, origin: str = "", lock_timeout_s: float = schema.LOCK_TIMEOUT_S
) -> SigningSQLiteFactory:
    """A factory for the log at `path`; with an origin, one that makes the tables in an empty file first.

    Never makes the file itself: a log that has gone must not come back empty.
    """
    database = f"{path.absolute().as_uri()}?mode=rw"
    env = {"SQLITE_DBNAME": database, "CREATE_TABLE": "yes" if origin else "no", ORIGIN: origin}
    return SigningSQLiteFactory(env, signing=signing, lock_timeout_s=lock_timeout_s)


@contextmanager
def translated(path: Path) -> Iterator[None]:
    """Turn the library's errors, and SQLite's that got past it, into ours, naming the file."""
    try:
        with schema.translated(path):
            yield
    except IntegrityError as error:
        raise Conflict(
            f"the event log {path} has changed meanwhile: {error}", hint="look again and decide anew"
        ) from error
    except PersistenceError as error:
        if isinstance(error.__cause__, sqlite3.Error):
            raise schema.as_ours(error.__cause__, path) from error
        if isinstance(error, ConnectionUnavailableError):
            raise Busy(f"other threads hold the event log {path}", hint="try again") from error
        raise Failed(f"the event log {path}: {error}") from error


def _require_next_versions(c: SQLiteCursor, events: Sequence[Unsealed]) -> None:
    upcoming = next_versions(c.sqlite_cursor, [event.stream for event in events])
    for event in events:
        if event.stream_version != upcoming[event.stream]:
            raise IntegrityError(
                f"stream {event.stream!r}: version {event.stream_version} instead of {upcoming[event.stream]}"
            )
        upcoming[event.stream] += 1


def _text(originator_id: UUID | str) -> str:
    return originator_id if isinstance(originator_id, str) else str(originator_id)


def _payload(record: bytes) -> bytes:
    return read_body(read_record(record).body).payload
