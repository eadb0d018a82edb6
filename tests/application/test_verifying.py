# ruff: noqa: S608 (the statements are made from this file's own constants)
import re
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from adapters.event_log.sealing import Terms, Unsealed, seal
from adapters.event_log.signing import Signing
from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from application.audit.verdict import MAX_FINDINGS, Finding, Verdict
from application.audit.verifying import Trust, verify_log
from domain.errors import BadInput
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.keys import VerifierKey, parse_vkey
from domain.ledger.record import Record, encode_record, leaf_hash, read_record
from tests.support.keyed import Records
from tests.support.logs import (
    EVENT_KEY,
    LOG_KEY,
    NOW,
    ORIGIN,
    OTHER_KEY,
    VECTORS,
    VKEY,
    append,
    draft,
    new_log,
    rewrite,
    vector,
    without_unique,
)

SIZE = 12
TRUST = Trust(VKEY, EVENT_KEY.public_key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    new_log(path, events=SIZE).close()
    return path


def verdict(path: Path, trust: Trust = TRUST, *, signatures: bool = True) -> Verdict:
    return verify_log(RawLogFile(path), trust, ed25519.verify, signatures=signatures)


def positions(found: Verdict) -> list[int | None]:
    return list(dict.fromkeys(finding.position for finding in found.findings))


def note(path: Path) -> str:
    with LogReader(path) as reader:
        return reader.head().checkpoint


def test_a_whole_log_is_verified(path: Path) -> None:
    with LogReader(path) as reader:
        root = reader.head().root_hash.hex()
    whole, fast = verdict(path), verdict(path, signatures=False)
    assert replace(whole, state=None, not_checked=()) == Verdict("verified", SIZE, root, (), SIZE)
    assert replace(fast, not_checked=()) == Verdict("verified", SIZE, root, (), 0)
    assert "signatures" in fast.not_checked[0]


def test_the_golden_vectors_are_a_log_that_is_verified() -> None:
    keys = vector("keys.json")
    earlier = [(VECTORS / f"checkpoint-{size}").read_text(encoding="utf-8") for size in (1, 2, 3, 4, 5)]
    trust = Trust(parse_vkey(keys["log_vkey"]), bytes.fromhex(keys["event_key"]), earlier)
    records = [bytes.fromhex(row["record"]) for row in vector("records.json")]
    assert verify_log(Records(records, earlier[-1]), trust, ed25519.verify).verdict == "verified"


def test_a_log_of_many_batches_is_verified_and_says_how_far_it_is(tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    with new_log(tmp_path / "log.db", events=1500) as log:
        source = RawLogFile(log.path)
    found = verify_log(source, TRUST, ed25519.verify, progress=lambda done, total: told.append((done, total)))
    assert (found.verdict, found.signatures_checked) == ("verified", 1500)
    assert told[0] == (256, 1500)
    assert told[-1] == (1500, 1500)


@pytest.mark.parametrize(
    ("statement", "position", "problem"),
    [
        ("UPDATE stored_events SET state = zeroblob(9) WHERE position = 7", 7, "MessagePack|array"),
        ("UPDATE stored_events SET state = 'text' WHERE position = 7", 7, "not bytes"),
        ("UPDATE stored_events SET state = NULL WHERE position = 7", 7, "not bytes"),
        ("UPDATE stored_events SET state = CAST(state || x'00' AS BLOB) WHERE position = 7", 7, "MessagePack"),
        ("UPDATE stored_events SET leaf_hash = zeroblob(32) WHERE position = 7", 7, "leaf hash"),
        ("UPDATE stored_events SET leaf_hash = NULL WHERE position = 7", 7, "leaf hash"),
        ("UPDATE stored_events SET originator_id = 'image/other' WHERE position = 7", 7, "columns"),
        ("UPDATE stored_events SET originator_version = 99 WHERE position = 7", 7, "columns"),
        ("UPDATE stored_events SET topic = 'image.bound' WHERE position = 7", 7, "columns"),
        ("UPDATE stored_events SET topic = CAST(x'ff' AS TEXT) WHERE position = 7", 7, "columns"),
        ("DELETE FROM stored_events WHERE position = 7", 7, "missing"),
        ("DELETE FROM stored_events WHERE position BETWEEN 7 AND 9", 7, "missing, up to 9"),
        ("DELETE FROM stored_events WHERE position = 1", 1, "missing"),
        (f"DELETE FROM stored_events WHERE position = {SIZE}", SIZE, "missing"),
        ("DELETE FROM stored_events WHERE position > 7", 8, "missing"),
        ("DELETE FROM stored_events", 1, "missing"),
        ("UPDATE stored_events SET position = 50 WHERE position = 7", 7, "missing"),
        ("UPDATE stored_events SET position = -7 WHERE position = 7", -7, "no event can stand"),
        ("UPDATE stored_events SET position = 0 WHERE position = 7", 0, "no event can stand"),
        ("UPDATE stored_events SET position = 'seven' WHERE position = 7", 7, "missing"),
        ("UPDATE stored_events SET position = 7.5 WHERE position = 7", 7, "missing"),
        ("UPDATE stored_events SET position = NULL WHERE position = 7", None, "no number"),
        (f"UPDATE stored_events SET position = 2000 WHERE position = {SIZE}", SIZE, "missing, up to 1999"),
    ],
)
def test_every_change_to_a_row_is_found_at_its_position(
    path: Path, statement: str, position: int | None, problem: str
) -> None:
    without_unique(path)
    rewrite(path, statement)
    found = verdict(path)
    assert found.verdict == "tampered"
    assert position in (found.findings[0].position, None)
    assert any(re.search(problem, finding.problem) for finding in found.findings if finding.position == position)


@pytest.mark.parametrize(
    "column",
    ["state", "leaf_hash", "state, leaf_hash", "state, leaf_hash, originator_id, originator_version, topic"],
)
def test_swapped_rows_are_found(path: Path, column: str) -> None:
    without_unique(path)
    rewrite(
        path,
        "CREATE TABLE kept AS SELECT * FROM stored_events WHERE position IN (5, 9)",
        f"UPDATE stored_events SET ({column}) = (SELECT {column} FROM kept WHERE position = 9) WHERE position = 5",
        f"UPDATE stored_events SET ({column}) = (SELECT {column} FROM kept WHERE position = 5) WHERE position = 9",
    )
    found = verdict(path)
    assert found.verdict == "tampered"
    assert found.findings[0].position == 5
    assert 9 in positions(found)


@pytest.mark.parametrize("repeated", [1, 4, SIZE])
def test_a_repeated_event_is_found(path: Path, repeated: int) -> None:
    without_unique(path)
    rewrite(
        path,
        f"INSERT INTO stored_events SELECT {SIZE + 1}, originator_id, originator_version, topic, state, leaf_hash "
        f"FROM stored_events WHERE position = {repeated}",
    )
    found = verdict(path)
    assert (found.verdict, found.findings[0].position) == ("tampered", SIZE + 1)


def test_an_event_repeated_in_the_middle_is_found(path: Path) -> None:
    without_unique(path)
    rewrite(
        path,
        "UPDATE stored_events SET position = position + 1 WHERE position > 4",
        "INSERT INTO stored_events SELECT 5, originator_id, originator_version, topic, state, leaf_hash "
        "FROM stored_events WHERE position = 4",
    )
    found = verdict(path)
    assert (found.verdict, found.findings[0].position) == ("tampered", 5)


def forged(path: Path, event: KeySigner, log: KeySigner) -> None:
    """Append one event with those keys, everything else as the program does it."""
    with LogReader(path) as reader:
        head = reader.head_row()
    rows, new, _ = seal(
        head, [Unsealed("image/x", 0, "image.named", b"")], Terms(None, "mallory", "", NOW, [1]), Signing(log, event)
    )
    rewrite(
        path,
        ("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)", rows[0]),
        ("UPDATE log_head SET size = ?, prev = ?, time_us = ?, frontier = ?, checkpoint = ?",
         (new.size, new.prev, new.time_us, new.frontier.to_bytes(), new.checkpoint)),
    )  # fmt: skip


def test_an_event_signed_by_a_foreign_key_is_found(path: Path) -> None:
    forged(path, OTHER_KEY, LOG_KEY)
    found = verdict(path)
    assert found.verdict == "tampered"
    assert found.findings == (Finding(SIZE + 1, f"the key {_id(OTHER_KEY)} may not sign here"),)


def test_the_log_key_may_not_sign_events(path: Path) -> None:
    forged(path, LOG_KEY, LOG_KEY)
    assert positions(verdict(path)) == [SIZE + 1]


def test_a_checkpoint_signed_by_a_foreign_key_is_found(path: Path) -> None:
    forged(path, EVENT_KEY, OTHER_KEY)
    found = verdict(path)
    assert found.verdict == "tampered"
    assert "no signature of the key" in found.findings[0].problem


def test_an_appended_row_without_a_new_checkpoint_is_found(path: Path) -> None:
    with LogReader(path) as reader:
        head = reader.head_row()
    rows, _, _ = seal(head, [Unsealed("x", 0, "k", b"")], Terms(None, "m", "", NOW, [1]), Signing(LOG_KEY, EVENT_KEY))
    rewrite(path, ("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)", rows[0]))
    found = verdict(path)
    assert found.verdict == "tampered"
    assert found.findings == (Finding(SIZE + 1, f"beyond the checkpoint, which covers {SIZE} events"),)


def test_a_signature_that_does_not_hold_is_found_where_all_hashes_fit(path: Path) -> None:
    """The record's signature changed, its leaf hash made to fit: only the signature and the root can tell."""
    with LogReader(path) as reader:
        (row,) = reader.rows(7, 7)
    assert type(row.record) is bytes
    record = encode_record(Record(*read_record(row.record)[:2], bytes(64)))
    rewrite(path, ("UPDATE stored_events SET state = ?, leaf_hash = ? WHERE position = 7", (record, leaf_hash(record))))
    assert positions(verdict(path)) == [7, None]
    assert positions(verdict(path, signatures=False)) == [None]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(st.integers(1, SIZE), st.data())
def test_one_flipped_bit_of_a_record_is_found_at_its_position(path: Path, position: int, data: st.DataObject) -> None:
    connection = sqlite3.connect(path, isolation_level=None)
    (record,) = connection.execute("SELECT state FROM stored_events WHERE position = ?", (position,)).fetchone()
    bit = data.draw(st.integers(0, len(record) * 8 - 1))
    changed = bytearray(record)
    changed[bit // 8] ^= 1 << bit % 8
    rewrite(path, ("UPDATE stored_events SET state = ? WHERE position = ?", (bytes(changed), position)))
    found = verdict(path)
    connection.execute("UPDATE stored_events SET state = ? WHERE position = ?", (record, position))
    connection.close()
    assert found.verdict == "tampered"
    assert found.findings[0].position == position
    assert verdict(path).verdict == "verified"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM log_head",
        "UPDATE log_head SET origin = 'x'",
        "UPDATE log_head SET size = 3",
        "UPDATE log_head SET size = 'many'",
        "UPDATE log_head SET prev = zeroblob(32)",
        "UPDATE log_head SET time_us = 1",
        "UPDATE log_head SET frontier = zeroblob(64)",
        "UPDATE log_head SET frontier = NULL",
        "UPDATE log_head SET checkpoint = NULL",
        "UPDATE log_head SET checkpoint = ''",
        "UPDATE log_head SET checkpoint = replace(checkpoint, 'storectl', 'storectk')",
    ],
)
def test_every_change_to_the_head_row_is_found(path: Path, statement: str) -> None:
    rewrite(path, "CREATE TABLE loose AS SELECT * FROM log_head", "DROP TABLE log_head")
    rewrite(path, "ALTER TABLE loose RENAME TO log_head")
    assert verdict(path).verdict == "verified"
    rewrite(path, statement)
    assert verdict(path).verdict == "tampered"


def test_an_older_state_put_back_is_found_against_a_newer_checkpoint(path: Path) -> None:
    with LogReader(path) as reader:
        before = reader.head_row()
    with new_log(path) as log:
        append(log, [draft(0), draft(1)])
    newer = note(path)
    without_unique(path)
    rewrite(
        path,
        f"DELETE FROM stored_events WHERE position > {SIZE}",
        ("UPDATE log_head SET size = ?, prev = ?, time_us = ?, frontier = ?, checkpoint = ?",
         (before.size, before.prev, before.time_us, before.frontier.to_bytes(), before.checkpoint)),
    )  # fmt: skip
    assert verdict(path).verdict == "verified", "nothing inside the file tells"
    found = verdict(path, Trust(VKEY, against=[newer]))
    assert found.verdict == "tampered"
    assert found.findings == (Finding(SIZE + 1, f"missing: an earlier checkpoint covers {SIZE + 2} events"),)


def test_the_log_extends_its_earlier_checkpoints(path: Path) -> None:
    notes = [note(path)]
    with new_log(path) as log:
        for number in range(3):
            append(log, [draft(number), draft(number)])
            notes.append(log.head().checkpoint)
    assert verdict(path, Trust(VKEY, against=notes)).verdict == "verified"


def test_another_history_is_found_against_an_earlier_checkpoint(path: Path, tmp_path: Path) -> None:
    earlier = note(path)
    with new_log(tmp_path / "fork" / "log.db", events=2) as log:
        append(log, [draft(99 + number) for number in range(SIZE)])
        fork = log.path
    found = verdict(fork, Trust(VKEY, against=[earlier]))
    assert found.verdict == "tampered"
    assert positions(found) == [None]
    assert f"the first {SIZE} events" in found.findings[0].problem


def test_an_earlier_checkpoint_of_another_key_says_nothing(path: Path) -> None:
    foreign = sign_checkpoint(Checkpoint(ORIGIN, 3, bytes(32)), OTHER_KEY)
    found = verdict(path, Trust(VKEY, against=[foreign]))
    assert (found.verdict, len(found.findings)) == ("unchecked", 1)
    with pytest.raises(BadInput):
        verdict(path, Trust(VKEY, against=["not a note"]))


def test_without_a_trusted_key_it_is_unchecked_and_tampering_still_found(path: Path) -> None:
    assert verdict(path, Trust(None)).verdict == "unchecked"
    assert verdict(path, Trust(None, against=[note(path)])).verdict == "unchecked"
    rewrite(path, "UPDATE stored_events SET topic = 'x' WHERE position = 3")
    found = verdict(path, Trust(None))
    assert (found.verdict, found.findings[0].position) == ("tampered", 3)


def test_a_key_of_another_log_leaves_it_unchecked(path: Path) -> None:
    found = verdict(path, Trust(VerifierKey("other.example/log", LOG_KEY.public_key)))
    assert found.verdict == "unchecked"
    assert "other.example/log" in found.findings[0].problem


def test_a_log_made_anew_under_other_keys_is_found(tmp_path: Path) -> None:
    """The whole log written again, as somebody with the root account but without the log key would have to."""
    with new_log(tmp_path / "log.db", events=SIZE, log_signer=OTHER_KEY) as log:
        forgery = log.path
    found = verdict(forgery)
    assert found.verdict == "tampered"
    assert positions(found) == [1, None]


def test_another_event_key_than_the_stores_own_is_found(path: Path) -> None:
    found = verdict(path, Trust(VKEY, OTHER_KEY.public_key))
    assert (found.verdict, positions(found)) == ("tampered", [1])


def test_findings_are_bounded(tmp_path: Path) -> None:
    with new_log(tmp_path / "log.db", events=1000) as log:
        path = log.path
    rewrite(path, "UPDATE stored_events SET topic = 'x'")
    found = verdict(path)
    assert len(found.findings) == MAX_FINDINGS
    assert found.findings[0].position == 1


def test_events_appended_meanwhile_are_not_blamed(path: Path) -> None:
    source = RawLogFile(path)
    with new_log(path) as log:
        found = verify_log(source, TRUST, ed25519.verify, progress=lambda done, total: append(log, [draft(0)]))
        assert (found.verdict, found.size) == ("verified", SIZE)
        assert verify_log(source, TRUST, ed25519.verify).size == SIZE + 1


@pytest.mark.parametrize("which", ["time", "origin", "version", "prev"])
def test_rules_that_only_a_holder_of_both_keys_can_break(path: Path, which: str) -> None:
    with LogReader(path) as reader:
        head = reader.head_row()
    changed: dict[str, Callable[[], object]] = {
        "time": lambda: head._replace(time_us=0),
        "origin": lambda: head._replace(origin="storectl.local/other"),
        "version": lambda: head,
        "prev": lambda: head._replace(prev=bytes(32)),
    }
    start = changed[which]()
    assert isinstance(start, type(head))
    event = Unsealed("image/x", 5 if which == "version" else 0, "image.named", b"")
    rows, new, _ = seal(start, [event], Terms(None, "m", "", 1, [1]), Signing(LOG_KEY, EVENT_KEY))
    checkpoint = sign_checkpoint(Checkpoint(ORIGIN, new.size, new.frontier.root()), LOG_KEY)
    rewrite(
        path,
        ("INSERT INTO stored_events VALUES (?, ?, ?, ?, ?, ?)", rows[0]),
        ("UPDATE log_head SET size = ?, prev = ?, time_us = ?, frontier = ?, checkpoint = ?",
         (new.size, new.prev, new.time_us, new.frontier.to_bytes(), checkpoint)),
    )  # fmt: skip
    found = verdict(path)
    assert (found.verdict, found.findings[0].position) == ("tampered", SIZE + 1)


def _id(key: KeySigner) -> str:
    return VerifierKey(f"{ORIGIN}/event", key.public_key).key_id.hex()
