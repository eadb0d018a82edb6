"""The recorder under the library's own conformance suites, and against whoever would store without a signature."""

import sys
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import eventsourcing.cryptography
import pytest
from eventsourcing.application import Application
from eventsourcing.persistence import InfrastructureFactory, IntegrityError, ProgrammingError, StoredEvent
from eventsourcing.sqlite import SQLiteApplicationRecorder, SQLiteDatastore

from adapters.event_log import recorder as ours
from adapters.event_log.sealing import Terms
from adapters.event_log.signing import Signing
from domain.errors import Conflict, KeyUnusable
from tests.support.logs import EVENT_KEY, LOG_KEY, NOW, ORIGIN, append, draft, mark_path, new_log, open_log

# The suites import the library's AES cipher, which needs a package that nothing else here does.
sys.modules.setdefault("eventsourcing.cipher", eventsourcing.cryptography)
from eventsourcing.tests.persistence import (  # noqa: E402
    ApplicationRecorderTestCase,
    NonInterleavingNotificationIDsBaseCase,
)

SIGNING = Signing(LOG_KEY, EVENT_KEY)


class WithTerms(ours.SigningRecorder):
    """The recorder, with the terms that the suites do not know of."""

    def insert_events(self, stored_events: Sequence[StoredEvent], **_: Any) -> Sequence[int] | None:
        return super().insert_events(stored_events, terms=terms(len(stored_events)))


def terms(events: int, expected: int | None = None) -> Terms:
    return Terms(expected, "test", "", NOW, [1] * events)


def factory(path: Path, **options: Any) -> ours.SigningSQLiteFactory:
    path.touch()
    return ours.factory(path, SIGNING, origin=ORIGIN, **options)


class _Suite:
    INITIAL_VERSION = 0  # versions in the log count from 0, and without gaps

    @pytest.fixture(autouse=True)
    def _place(self, tmp_path: Path) -> Iterator[None]:
        before = set(threading.enumerate())
        self.factory = factory(tmp_path / "log.db")
        yield
        # The suite tells its reading threads to stop and does not wait for them: a connection that is closed under
        # one of them takes the whole process down.
        for thread in set(threading.enumerate()) - before:
            thread.join(timeout=30)
        self.factory.close()

    def new_originator_id(self) -> UUID | str:
        return str(uuid4())

    def create_recorder(self) -> WithTerms:
        recorder = WithTerms(self.factory.datastore, signing=SIGNING, origin=ORIGIN)
        recorder.create_table()
        return recorder


class TestApplicationRecorder(_Suite, ApplicationRecorderTestCase[WithTerms]):
    pass


class TestNotificationIDsDoNotInterleave(_Suite, NonInterleavingNotificationIDsBaseCase):
    pass


del ApplicationRecorderTestCase, NonInterleavingNotificationIDsBaseCase  # pytest would collect them, too


@pytest.fixture
def recorder(tmp_path: Path) -> Iterator[ours.SigningRecorder]:
    made = factory(tmp_path / "log.db")
    yield made.application_recorder()
    made.close()


def stored(stream: str, version: int, state: bytes = b"state") -> StoredEvent:
    return StoredEvent(stream, version, "topic", state)


def test_streams_are_read_back_as_they_were_written(recorder: ours.SigningRecorder) -> None:
    events = [stored("a", 0, b"1"), stored("b", 0), stored("a", 1, b"2"), stored("a", 2, b"3")]
    assert recorder.insert_events(events, terms=terms(4)) == [1, 2, 3, 4]
    assert recorder.select_events("a") == [events[0], events[2], events[3]]
    assert recorder.select_events("a", gt=0, lte=1) == [events[2]]
    assert recorder.select_events("a", desc=True, limit=1) == [events[3]]


def test_versions_are_dense(recorder: ours.SigningRecorder) -> None:
    recorder.insert_events([stored("a", 0)], terms=terms(1))
    for events in ([stored("a", 0)], [stored("a", 2)], [stored("b", 1)], [stored("a", 1), stored("a", 1)]):
        with pytest.raises(IntegrityError, match="version"):
            recorder.insert_events(events, terms=terms(len(events)))
    assert recorder.max_notification_id() == 1


def test_the_guard_stands_under_the_write_lock(recorder: ours.SigningRecorder) -> None:
    recorder.insert_events([stored("a", 0)], terms=terms(1, expected=0))
    with pytest.raises(Conflict):
        recorder.insert_events([stored("b", 0)], terms=terms(1, expected=0))


def test_an_append_without_terms_is_a_mistake(recorder: ours.SigningRecorder) -> None:
    with pytest.raises(ProgrammingError, match="terms"):
        recorder.insert_events([stored("a", 0)])


def test_the_librarys_own_recorder_cannot_store_unsigned(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    new_log(path).close()
    stock = SQLiteApplicationRecorder(SQLiteDatastore(str(path), originator_id_type="text"))
    with pytest.raises(Exception, match="6 columns but 4 values"):
        stock.insert_events([stored("a", 0)])
    stock.datastore.close()


def test_as_persistence_module_it_reads_and_refuses_to_write(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    with new_log(path, events=3):
        pass
    env = {"PERSISTENCE_MODULE": "adapters.event_log.recorder:SigningSQLiteFactory", "SQLITE_DBNAME": str(path)}
    made: Any = InfrastructureFactory.construct(env)
    with Application[str](env) as application:
        assert [n.id for n in application.recorder.select_notifications(1, 10)] == [1, 2, 3]
        assert application.recorder.select_notifications(2, 10)[0].state == draft(0).payload
    with pytest.raises(KeyUnusable):
        made.application_recorder().insert_events([stored("a", 0)], terms=terms(1))
    for unsigned in (made.process_recorder, made.aggregate_recorder):
        with pytest.raises(ProgrammingError):
            unsigned()
    made.close()


def test_connections_are_durable_and_wait(tmp_path: Path) -> None:
    made = factory(tmp_path / "log.db", lock_timeout_s=12.5)
    with made.datastore.transaction(commit=False) as cursor:
        for pragma, value in (("journal_mode", "wal"), ("synchronous", 2), ("busy_timeout", 12_500)):
            cursor.execute(f"PRAGMA {pragma}")
            assert cursor.fetchone()[0] == value
    made.close()


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE stored_events SET topic = 'x' WHERE position = 1",
        "DELETE FROM stored_events WHERE position = 3",
        "INSERT INTO stored_events SELECT 5, 'x', 0, topic, state, leaf_hash FROM stored_events WHERE position = 3",
        "INSERT INTO stored_events SELECT NULL, 'x', 0, topic, state, leaf_hash FROM stored_events WHERE position = 3",
        "INSERT OR REPLACE INTO stored_events SELECT 4, originator_id, originator_version, topic, state, leaf_hash "
        "FROM stored_events WHERE position = 1",
        "INSERT OR REPLACE INTO stored_events SELECT * FROM stored_events WHERE position = 3",
        "INSERT INTO stored_events VALUES (4, 'x', 0, 'k', NULL, zeroblob(32))",
        "INSERT INTO stored_events VALUES (4, 'x', 0, 'k', 'text', zeroblob(32))",
        "INSERT INTO stored_events VALUES (4, 'x', 0, 'k', x'00', zeroblob(31))",
        "UPDATE log_head SET size = 2",
        "DELETE FROM log_head",
        "INSERT INTO log_head SELECT 2, origin, size, prev, time_us, frontier, checkpoint FROM log_head",
    ],
)
def test_the_tables_refuse_what_is_not_an_append(tmp_path: Path, statement: str) -> None:
    path = tmp_path / "log.db"
    new_log(path, events=3).close()
    made = ours.factory(path, SIGNING)
    with pytest.raises(IntegrityError), made.datastore.transaction(commit=True) as cursor:
        cursor.execute(statement)
    made.close()
    with open_log(path) as log:
        append(log, [draft(0)])
    assert mark_path(path).exists()
