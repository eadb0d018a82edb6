"""Logs for tests: fixed keys, a few events, and rows rewritten behind the program's back."""

import json
import sqlite3
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgpack

from adapters.event_log.log import SqliteEventLog
from adapters.keys.key_files import KeySigner
from domain.ledger.entry import Draft
from domain.ledger.keys import VerifierKey

VECTORS = Path(__file__).parent.parent / "vectors" / "log"
ORIGIN = "storectl.local/test"
LOG_KEY, EVENT_KEY, OTHER_KEY = (KeySigner.from_seed(bytes([number]) * 32) for number in (1, 2, 3))
VKEY = VerifierKey(ORIGIN, LOG_KEY.public_key)
NOW = 1_764_000_000_000_000


def vector(name: str) -> Any:
    return json.loads((VECTORS / name).read_text(encoding="utf-8"))


def genesis(origin: str = ORIGIN, log: KeySigner = LOG_KEY, event: KeySigner = EVENT_KEY) -> Draft:
    payload = {
        "event_key": event.public_key,
        "log_key": log.public_key,
        "origin": origin,
        "root_key": None,
        "store": "s",
    }
    return Draft("store", "store.initialised", 1, msgpack.packb(payload))


def draft(number: int, stream: str = "image/a") -> Draft:
    return Draft(stream, "image.named", 1, msgpack.packb({"number": number}))


def mark_path(path: Path) -> Path:
    return path.parent / "checkpoints" / "high-water"


def new_log(path: Path, *, events: int = 1, log_signer: KeySigner = LOG_KEY) -> SqliteEventLog:
    """A log at `path` with that many events in all, the first one store.initialised."""
    log = SqliteEventLog.create(
        path, mark_path(path), ORIGIN, [genesis(log=log_signer)], log_signer=log_signer, event_signer=EVENT_KEY,
        actor="test", operation="", now_us=NOW,
    )  # fmt: skip
    if events > 1:
        append(log, [draft(number, f"image/{number % 3}") for number in range(events - 1)])
    return log


def open_log(path: Path, **options: Any) -> SqliteEventLog:
    return SqliteEventLog(path, mark_path(path), **{"log_signer": LOG_KEY, "event_signer": EVENT_KEY, **options})


def append(log: SqliteEventLog, drafts: Sequence[Draft], *, operation: str = "0123456789abcdef") -> None:
    log.append(drafts, expected=log.head().size, actor="test", operation=operation, now_us=NOW)


def rewrite(path: Path, *statements: str | tuple[str, Sequence[object]]) -> None:
    """Do to the file what the triggers would prevent, as somebody with a copy of SQLite does."""
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        for (name,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {name}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        for statement in statements:
            connection.execute(*((statement,) if isinstance(statement, str) else statement))
    finally:
        connection.close()


def without_unique(path: Path) -> None:
    """Rebuild the events' table without its constraints, so that anything can be put into it."""
    rewrite(
        path,
        "CREATE TABLE loose (position, originator_id, originator_version, topic, state, leaf_hash)",
        "INSERT INTO loose SELECT * FROM stored_events",
        "DROP TABLE stored_events",
        "ALTER TABLE loose RENAME TO stored_events",
    )
