import shutil
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.event_log.log import SqliteEventLog
from adapters.event_log.reader import LogReader
from domain.errors import BadInput, Busy, Conflict, KeyUnusable, NotFound, Refused, StoreError, Tampered
from domain.ledger.entry import Draft
from domain.ledger.merkle import root_hash
from domain.ports import EventLog
from tests.support.logs import (
    EVENT_KEY,
    LOG_KEY,
    NOW,
    ORIGIN,
    OTHER_KEY,
    append,
    draft,
    genesis,
    mark_path,
    new_log,
    open_log,
    rewrite,
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "storectl" / "log.db"


@pytest.fixture
def log(path: Path) -> Iterator[SqliteEventLog]:
    with new_log(path) as log:
        yield log


def test_it_is_the_port(log: EventLog) -> None:
    assert log.origin == ORIGIN


def test_a_new_log_has_its_first_event_and_nothing_beside_it(path: Path, log: SqliteEventLog) -> None:
    (first,) = log.entries()
    assert (first.position, first.kind, first.prev, first.time_us) == (1, "store.initialised", bytes(32), NOW)
    assert log.head().size == 1
    assert path.stat().st_mode & 0o777 == 0o600
    assert {file.name.removesuffix("-wal").removesuffix("-shm") for file in path.parent.iterdir()} == {
        "log.db",
        "checkpoints",
    }


def test_append_gives_back_what_was_recorded(log: SqliteEventLog) -> None:
    drafts = [draft(0), draft(1, "image/b"), draft(2)]
    entries = log.append(drafts, expected=1, actor="uid=0 (root)", operation="00aa", now_us=NOW + 5)
    assert [(e.stream, e.kind, e.schema, e.payload) for e in entries] == [
        (d.stream, d.kind, d.schema, d.payload) for d in drafts
    ]
    assert [(e.position, e.stream_version) for e in entries] == [(2, 0), (3, 0), (4, 1)]
    assert {(e.actor, e.operation) for e in entries} == {("uid=0 (root)", "00aa")}
    assert tuple(log.entries(2)) == entries
    head = log.head()
    assert (head.size, head.time_us) == (4, NOW + 7)
    assert head.root_hash == root_hash([entry.leaf_hash for entry in log.entries()])


def test_time_never_runs_backwards(log: SqliteEventLog) -> None:
    (first,) = log.append([draft(0)], expected=1, actor="a", operation="", now_us=NOW + 100)
    (second,) = log.append([draft(1)], expected=2, actor="a", operation="", now_us=0)
    assert (first.time_us, second.time_us) == (NOW + 100, NOW + 101)


def test_a_batch_large_enough_for_threads_is_the_same_log(tmp_path: Path) -> None:
    drafts = [draft(number, f"image/{number % 7}") for number in range(150)]
    with new_log(tmp_path / "a" / "log.db") as at_once, new_log(tmp_path / "b" / "log.db") as one_by_one:
        append(at_once, drafts)
        for each in drafts:
            append(one_by_one, [each])
        assert at_once.head() == one_by_one.head()
        assert list(at_once.entries()) == list(one_by_one.entries())


def test_a_decision_on_an_older_head_is_a_conflict(log: SqliteEventLog) -> None:
    append(log, [draft(0)])
    for expected in (1, 3):
        with pytest.raises(Conflict, match="has grown"):
            log.append([draft(1)], expected=expected, actor="a", operation="", now_us=NOW)
    assert log.head().size == 2
    log.append([draft(1)], expected=2, actor="a", operation="", now_us=NOW)


def test_nothing_appended_is_nothing_changed(log: SqliteEventLog) -> None:
    assert log.append([], expected=1, actor="a", operation="", now_us=NOW) == ()


@pytest.mark.parametrize("bad", [Draft("s", "k", 1, bytes(65_500)), Draft("s\n", "k", 1, b""), Draft("s", "k", 0, b"")])
def test_an_event_that_cannot_be_recorded_takes_its_batch_with_it(log: SqliteEventLog, bad: Draft) -> None:
    with pytest.raises(BadInput):
        log.append([draft(0), bad], expected=1, actor="a", operation="", now_us=NOW)
    assert log.head().size == 1
    append(log, [draft(0)])


def test_what_is_appended_while_iterating_is_seen_afterwards(log: SqliteEventLog) -> None:
    append(log, [draft(number) for number in range(1200)])
    reading = log.entries()
    next(reading)
    (entry,) = log.append([draft(0)], expected=1201, actor="a", operation="", now_us=NOW)
    assert (log.head().size, entry.position) == (1202, 1202)
    assert len(list(reading)) == 1200


def test_another_writer_makes_it_wait_and_then_busy(path: Path) -> None:
    new_log(path).close()
    other = sqlite3.connect(path, isolation_level=None)
    with open_log(path, lock_timeout_s=0.05) as log:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(Busy, match="holds the event log"):
            append(log, [draft(0)])
        other.execute("ROLLBACK")
        append(log, [draft(0)])
    other.close()


def test_create_opens_what_is_there(path: Path) -> None:
    with new_log(path, events=3) as log:
        head = log.head()
    with new_log(path) as log:
        assert log.head() == head


@pytest.mark.parametrize(
    "drafts", [[], [draft(0)], [genesis(origin="another")], [genesis(log=OTHER_KEY)], [genesis(event=OTHER_KEY)]]
)
def test_a_log_cannot_begin_without_the_keys_it_is_made_with(path: Path, drafts: list[Draft]) -> None:
    with pytest.raises(BadInput):
        SqliteEventLog.create(
            path, mark_path(path), ORIGIN, drafts, log_signer=LOG_KEY, event_signer=EVENT_KEY, actor="a", operation="",
            now_us=NOW,
        )  # fmt: skip
    assert not path.exists()


def test_what_a_crash_left_of_creation_is_no_log_and_not_in_the_way(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(*_: object) -> None:
        raise SystemExit

    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", killed)  # the last step
        with pytest.raises(SystemExit):
            new_log(path)
    assert mark_path(path).exists(), "a log that is in its place has its mark"
    with pytest.raises(NotFound, match="no event log"):
        open_log(path)
    with new_log(path) as log:
        append(log, [draft(0)])


def test_a_log_that_has_gone_does_not_come_back_empty(path: Path) -> None:
    new_log(path, events=5).close()
    path.unlink()
    with pytest.raises(Refused, match="5 events"):
        new_log(path)
    assert not path.exists()


@pytest.mark.parametrize("key", ["log_signer", "event_signer"])
def test_another_stores_keys_are_refused(path: Path, key: str) -> None:
    new_log(path).close()
    with pytest.raises(KeyUnusable, match="not this store's"):
        open_log(path, **{key: OTHER_KEY})


def test_an_older_copy_put_back_is_refused(path: Path, tmp_path: Path) -> None:
    new_log(path, events=3).close()
    shutil.copy(path, tmp_path / "backup.db")
    with open_log(path) as log:
        append(log, [draft(9)])
    shutil.copy(tmp_path / "backup.db", path)
    with pytest.raises(Tampered, match=r"lost events: it has 3, .* there were 4"):
        open_log(path)
    with LogReader(path) as reader:
        assert reader.size == 3


def test_a_lost_wal_file_is_refused(path: Path, tmp_path: Path) -> None:
    log = new_log(path, events=2)
    append(log, [draft(9)])
    elsewhere = tmp_path / "crashed" / "log.db"
    shutil.copytree(path.parent, elsewhere.parent)  # as a power cut would leave it: the -wal file is full
    log.close()
    shutil.copytree(elsewhere.parent, tmp_path / "whole")
    with open_log(tmp_path / "whole" / "log.db") as whole:
        assert whole.head().size == 3
    elsewhere.with_name("log.db-wal").unlink()
    with pytest.raises(Tampered, match="lost events"):
        open_log(elsewhere)


def test_a_missing_mark_is_refused(path: Path) -> None:
    new_log(path, events=3).close()
    mark_path(path).unlink()
    with pytest.raises(Tampered, match="missing"):
        open_log(path)


@pytest.mark.parametrize("events", [1, 2])
def test_a_fork_is_refused(path: Path, tmp_path: Path, events: int) -> None:
    """A backup that was continued elsewhere, under a mark of its own, and put back over the original."""
    with new_log(path, events=3) as log:
        append(log, [draft(1)])
    fork = tmp_path / "fork" / "log.db"
    with new_log(fork, events=3) as log:
        append(log, [draft(7 + number) for number in range(events)])
    shutil.copy(fork, path)
    with pytest.raises(Tampered, match="does not continue the history"):
        open_log(path)


def test_a_crash_between_commit_and_mark_raises_the_mark(path: Path) -> None:
    new_log(path, events=3).close()
    behind = mark_path(path).read_bytes()
    with open_log(path) as log:
        append(log, [draft(number) for number in range(4)])
    reached = mark_path(path).read_bytes()
    mark_path(path).write_bytes(behind)
    with open_log(path) as log:
        assert log.head().size == 7
    assert mark_path(path).read_bytes() == reached


def test_a_mark_that_cannot_be_raised_fails_the_append_and_keeps_its_events(path: Path) -> None:
    with new_log(path) as log:
        mark_path(path).unlink()
        with pytest.raises(StoreError, match="high-water mark"):
            append(log, [draft(0)])
        assert log.head().size == 2


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("DELETE FROM stored_events WHERE position = 5", "has 4 events, and its head says 5"),
        ("INSERT INTO stored_events SELECT 6, 'x', 0, topic, state, leaf_hash FROM stored_events WHERE position = 5",
         "has 6 events, and its head says 5"),
        ("UPDATE stored_events SET state = zeroblob(200) WHERE position = 5", "event 5"),
        ("UPDATE stored_events SET leaf_hash = zeroblob(32) WHERE position = 5", "event 5"),
        ("UPDATE log_head SET size = 4", "head row"),
        ("UPDATE log_head SET frontier = zeroblob(64)", "head row"),
        ("UPDATE log_head SET frontier = 'text'", "head row"),
        ("UPDATE log_head SET prev = zeroblob(32)", "event 5"),
        ("UPDATE log_head SET time_us = 1", "event 5"),
        ("UPDATE log_head SET checkpoint = ''", "head row"),
        ("UPDATE log_head SET checkpoint = replace(checkpoint, ' ', '  ')", "head row"),
        ("UPDATE log_head SET origin = 'x'", "head row"),
        ("DELETE FROM log_head", "missing"),
    ],
)  # fmt: skip
def test_a_head_and_a_last_event_that_do_not_fit_are_refused(path: Path, statement: str, message: str) -> None:
    new_log(path, events=5).close()
    rewrite(path, statement)
    with pytest.raises(Tampered, match=message):
        open_log(path)


def test_a_checkpoint_that_the_log_key_did_not_sign_is_refused(path: Path, tmp_path: Path) -> None:
    new_log(path, events=2).close()
    with new_log(tmp_path / "other" / "log.db", events=2, log_signer=OTHER_KEY) as other:
        note = other.head().checkpoint.splitlines()[-1]
    rewrite(
        path,
        (
            "UPDATE log_head SET checkpoint = substr(checkpoint, 1, instr(checkpoint, char(8212)) - 1) || ?",
            [f"{note}\n"],
        ),
    )
    with pytest.raises(Tampered, match="no signature"):
        open_log(path)
