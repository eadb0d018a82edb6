"""Durable appends against bare SQLite, batches against the bare signature, and what an event takes on disk."""

import os
import sqlite3
import statistics
import time
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from adapters.event_log.log import SqliteEventLog
from adapters.keys.key_files import KeySigner
from bench.logs import BenchStore
from bench.measuring import Row
from domain.events.codec import draft
from domain.events.store import StoreInitialised
from domain.ledger.entry import Draft
from domain.ledger.record import pae
from domain.values import StoreId
from tests.support.histories import BUILDS, history, recorded

ORIGIN = "bench.example/append"
LOG, EVENT = (KeySigner.from_seed(bytes([number]) * 32) for number in (7, 8))
NOW = 1_800_000_000_000_000


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    """One event per commit, and a hundred."""
    drafts = [draft(event) for event, _ in islice(recorded(history(BUILDS, 200)), 20_000)]
    log = _new_log(scratch / "append")
    with log:
        yield _one_by_one(scratch, log, drafts, 60 * rounds)
        yield _by_hundreds(log, drafts, 8 * rounds)


def _new_log(directory: Path) -> SqliteEventLog:
    directory.mkdir()
    first = StoreInitialised(StoreId("bench"), ORIGIN, LOG.public_key, EVENT.public_key, None)
    return SqliteEventLog.create(
        directory / "log.db", directory / "checkpoints/high-water", ORIGIN, [draft(first)], log_signer=LOG,
        event_signer=EVENT, actor="bench", operation="", now_us=NOW,
    )  # fmt: skip


def _append(log: SqliteEventLog, drafts: list[Draft]) -> None:
    log.append(drafts, expected=log.head().size, actor="root", operation="0123456789abcdef", now_us=NOW)


def _one_by_one(scratch: Path, log: SqliteEventLog, drafts: list[Draft], count: int) -> Row:
    """Each in turn, since both wait for the disk: what somebody else does there meets both."""
    bare = sqlite3.connect(scratch / "bare.db", isolation_level=None)
    bare.execute("PRAGMA journal_mode = WAL")
    bare.execute("PRAGMA synchronous = FULL")
    bare.execute("CREATE TABLE events (position INTEGER PRIMARY KEY, record BLOB NOT NULL)")
    synced = os.open(scratch / "synced", os.O_RDWR | os.O_CREAT)
    os.pwrite(synced, bytes(8192), 0)
    ours: list[float] = []
    theirs: list[float] = []
    fsync: list[float] = []
    for number in range(count):
        began = time.perf_counter()
        _append(log, [drafts[number]])
        ours.append(time.perf_counter() - began)
        record, _ = log.reader.raw_record(log.head().size)
        began = time.perf_counter()
        bare.execute("BEGIN IMMEDIATE")
        bare.execute("INSERT INTO events VALUES (?, ?)", (number + 1, record))
        bare.execute("COMMIT")
        theirs.append(time.perf_counter() - began)
        began = time.perf_counter()
        os.pwrite(synced, number.to_bytes(4096, "big"), 4096 * (number % 2))
        os.fdatasync(synced)
        fsync.append(time.perf_counter() - began)
    bare.close()
    os.close(synced)
    ours_s, theirs_s, fsync_s = map(statistics.median, (ours, theirs, fsync))
    return Row(
        "append-1", "durable append, one event per commit", "bare sqlite3 insert of the same bytes, WAL, FULL", ours_s,
        theirs_s, "rate", 0.5, figures={"fdatasync of 4 KiB, s": fsync_s, "ratio to insert and one fdatasync more":
                                        (theirs_s + fsync_s) / ours_s},
    )  # fmt: skip


def _by_hundreds(log: SqliteEventLog, drafts: list[Draft], count: int) -> Row:
    ours: list[float] = []
    theirs: list[float] = []
    for number in range(count):
        some = [drafts[(number * 100 + each) % len(drafts)] for each in range(100)]
        began = time.perf_counter()
        _append(log, some)
        ours.append((time.perf_counter() - began) / 100)
        signed = [pae(each.payload) for each in some]
        began = time.perf_counter()
        for data in signed:
            EVENT.sign(data)
        theirs.append((time.perf_counter() - began) / 100)
    return Row(
        "append-100", "append, 100 events per commit", "single-thread Ed25519 signatures by cryptography",
        statistics.median(ours), statistics.median(theirs), "rate", 0.7,
    )  # fmt: skip


def size_row(store: BenchStore) -> Row:
    """Bytes on disk per event, against the record's."""
    connection = sqlite3.connect(f"{store.layout.log.as_uri()}?mode=ro", uri=True)
    events, records = connection.execute("SELECT count(*), sum(length(state)) FROM stored_events").fetchone()
    connection.close()
    whole = sum(
        path.stat().st_size for path in store.layout.log.parent.glob("log.db*")
    )  # fmt: skip
    return Row(
        "size", "log size per event, bytes", "the record's bytes", whole / events, records / events, "time", 1.6,
        events=events,
    )  # fmt: skip
