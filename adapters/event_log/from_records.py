"""A log file put together again from its records, as a bundle for auditors has them."""

import os
import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing
from pathlib import Path

from adapters.event_log import schema
from domain.errors import Failed
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.merkle import Growing
from domain.ledger.record import FIRST_PREV, body_hash, decode_body, decode_record, leaf_hash

_Row = tuple[int, str, int, str, bytes, bytes]


def write_log(path: Path, records: Iterable[bytes], note: str) -> None:
    """A new log file with these records, the first one's position 1, under this signed checkpoint.

    Nothing is verified: columns and head row are what the records and the note say. Raises BadInput for what is no
    record or no checkpoint, Failed where the file cannot be written.
    """
    origin = parse_checkpoint(parse_note(note).text).origin
    tree, last = Growing(), (FIRST_PREV, 0)

    def rows() -> Iterator[_Row]:
        nonlocal last
        for position, data in enumerate(records, 1):
            record = decode_record(data)
            body = decode_body(record.body)
            leaf = leaf_hash(data)
            tree.append(leaf)
            last = body_hash(record.body), body.time_us
            yield position, body.stream, body.stream_version, body.kind, data, leaf

    try:
        os.close(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600))
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}") from error
    with schema.translated(path), closing(sqlite3.connect(path, isolation_level=None)) as connection:
        for statement in schema.STATEMENTS:
            connection.execute(statement)
        connection.execute("BEGIN")
        connection.executemany("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)", rows())
        frontier = tree.frontier()
        connection.execute(
            "INSERT INTO log_head VALUES (1, ?, ?, ?, ?, ?, ?)",
            (origin, frontier.size, last[0], last[1], frontier.to_bytes(), note),
        )
        connection.execute("COMMIT")
