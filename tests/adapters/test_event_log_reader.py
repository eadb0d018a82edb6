import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from domain.errors import BadInput, Failed, NotFound, Tampered, UnknownFormat
from domain.ledger.keys import Genesis
from domain.ledger.record import decode_record, leaf_hash
from tests.support.logs import EVENT_KEY, LOG_KEY, ORIGIN, append, draft, new_log, rewrite


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    new_log(path, events=8).close()
    return path


def positions(reader: LogReader, *args: int, **options: object) -> list[int]:
    return [entry.position for entry in reader.entries(*args, **options)]  # type: ignore[arg-type]


def test_entries_by_position_kind_and_direction(path: Path) -> None:
    with LogReader(path) as reader:
        assert positions(reader) == [1, 2, 3, 4, 5, 6, 7, 8]
        assert positions(reader, 3, 5) == [3, 4, 5]
        assert positions(reader, 7, 99) == [7, 8]
        assert positions(reader, 9) == positions(reader, 5, 4) == []
        assert positions(reader, 2, 4, reverse=True) == [4, 3, 2]
        assert positions(reader, kinds=("store.initialised",)) == [1]
        assert positions(reader, reverse=True, kinds=("image.named", "x")) == [8, 7, 6, 5, 4, 3, 2]
        assert positions(reader, kinds=("x",)) == []


def test_entries_beyond_one_page(tmp_path: Path) -> None:
    with new_log(tmp_path / "log.db", events=1502) as log:
        everything = list(range(1, 1503))
        assert positions(log.reader) == everything
        assert positions(log.reader, reverse=True) == everything[::-1]
        assert positions(log.reader, kinds=("image.named",), reverse=True) == everything[:0:-1]


def test_head_genesis_and_single_entries(path: Path) -> None:
    with LogReader(path) as reader:
        assert (reader.size, reader.origin, reader.last_position()) == (8, ORIGIN, 8)
        assert reader.head().checkpoint.startswith(f"{ORIGIN}\n8\n")
        assert reader.genesis() == Genesis("s", ORIGIN, LOG_KEY.public_key, EVENT_KEY.public_key)
        assert reader.entry(8).position == 8
        for outside in (0, 9):
            with pytest.raises(NotFound, match=f"no event {outside}"):
                reader.entry(outside)


def test_single_records_as_stored(path: Path) -> None:
    with LogReader(path) as reader:
        record, leaf = reader.raw_record(3)
        assert (leaf_hash(record), decode_record(record).signature) == (leaf, reader.entry(3).signature)
        with pytest.raises(NotFound, match="no event 9"):
            reader.raw_record(9)
        with reader.snapshot() as raw:
            assert [row.record for row in raw.rows][2] == record
    rewrite(path, "UPDATE stored_events SET state = 'text' WHERE position = 3")
    with LogReader(path) as reader, pytest.raises(Tampered, match="event 3"):
        reader.raw_record(3)


def test_it_sees_what_others_append(path: Path) -> None:
    with LogReader(path) as reader, new_log(path) as log:
        append(log, [draft(0)])
        assert positions(reader, 9) == [9]


def test_a_snapshot_stands_still(path: Path) -> None:
    with LogReader(path) as reader, new_log(path) as log, RawLogFile(path).snapshot() as raw:
        append(log, [draft(0)])
        assert raw.head is not None
        assert raw.head.size == 8
        assert [row.position for row in raw.rows] == [1, 2, 3, 4, 5, 6, 7, 8]
        assert reader.size == 9


@pytest.mark.parametrize(
    ("statement", "message"),
    [
        ("UPDATE stored_events SET state = x'93c0c0c0' WHERE position = 4", "event 4 .*three byte strings"),
        ("UPDATE stored_events SET state = 'text' WHERE position = 4", "event 4 .*not bytes"),
        ("UPDATE stored_events SET topic = 'other' WHERE position = 4", "event 4 .*columns"),
        ("UPDATE stored_events SET topic = CAST(x'ff' AS TEXT) WHERE position = 4", "event 4 .*columns"),
        ("UPDATE stored_events SET state = (SELECT state FROM stored_events WHERE position = 5) WHERE position = 4",
         "event 4 .*columns"),
        ("UPDATE log_head SET origin = 'other'", "head row"),
    ],
)  # fmt: skip
def test_what_cannot_be_read_is_tampered_with(path: Path, statement: str, message: str) -> None:
    rewrite(path, statement)
    with pytest.raises(Tampered, match=message), LogReader(path) as reader:
        list(reader.entries())


def test_a_missing_file_is_not_made(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match="no event log at"):
        LogReader(tmp_path / "log.db")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    "content", [b"", b"\0", b"hello" * 1000, b"SQLite format 3\0", b"SQLite format 3\0" + bytes(5000)]
)
def test_a_foreign_file_is_refused_by_name(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "log.db"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=str(path)):
        LogReader(path)
    assert path.read_bytes() == content


def test_a_database_of_something_else_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    other = sqlite3.connect(path)
    other.execute("CREATE TABLE t (x)")
    other.close()
    content = path.read_bytes()
    with pytest.raises(BadInput, match="not an event log"):
        LogReader(path)
    assert path.read_bytes() == content


def test_a_newer_format_is_refused(path: Path) -> None:
    rewrite(path, "PRAGMA user_version = 2")
    with pytest.raises(UnknownFormat, match="format 2"):
        LogReader(path)
    with pytest.raises(UnknownFormat, match="format 2"), RawLogFile(path).snapshot():
        pass


def test_every_truncation_is_refused(path: Path) -> None:
    content = path.read_bytes()
    for length in {*range(0, len(content), 1000), *range(0, len(content), 4096), len(content) - 1}:
        path.write_bytes(content[:length])
        with pytest.raises((BadInput, Tampered), match=str(path)), LogReader(path) as reader:
            list(reader.entries())
        with pytest.raises(BadInput, match=str(path)), RawLogFile(path).snapshot() as raw:
            list(raw.rows)


def test_tables_that_are_missing_are_no_traceback(path: Path) -> None:
    rewrite(path, "DROP TABLE log_head")
    with pytest.raises(BadInput, match="not a whole event log"):
        LogReader(path)


def test_a_path_with_special_characters(tmp_path: Path) -> None:
    path = tmp_path / "a b?c#d%20é" / "log.db"
    with new_log(path, events=2) as log:
        assert log.head().size == 2


READ_ONLY = """
import sys
from pathlib import Path
from adapters.event_log.reader import LogReader
from domain.errors import StoreError
try:
    print(LogReader(Path(sys.argv[1])).size)
except StoreError as error:
    print(type(error).__name__, error)
"""


def read_on_read_only_file_system(directory: Path) -> str:
    script = 'mount --bind "$1" "$1" && mount -o remount,ro,bind "$1" && exec "$2" -c "$3" "$1/log.db"'
    result = subprocess.run(
        ["unshare", "--mount", "sh", "-ec", script, "sh", directory, sys.executable, READ_ONLY],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2],
    )  # fmt: skip
    return result.stdout.strip()


def test_on_a_read_only_file_system(path: Path, tmp_path: Path) -> None:
    for left in tmp_path.glob("log.db-*"):
        left.unlink()
    assert read_on_read_only_file_system(tmp_path) == "8"


def test_events_in_a_wal_file_are_not_passed_over_on_a_read_only_file_system(path: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.mkdir()
    with new_log(path) as log:
        append(log, [draft(0)])
        for name in ("log.db", "log.db-wal"):
            shutil.copy(path.with_name(name), copy)
    assert read_on_read_only_file_system(copy).startswith(f"{Failed.__name__} the event log")


def test_reading_imports_neither_the_library_nor_cryptography() -> None:
    check = (
        "import sys, adapters.event_log.reader\n"
        "print([m for m in sys.modules if m.split('.')[0] in ('eventsourcing', 'cryptography')])"
    )
    result = subprocess.run(
        [sys.executable, "-c", check], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    assert result.stdout == "[]\n"
