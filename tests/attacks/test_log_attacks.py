"""Every attack of the corpus on a log is found, where it is; and no honest log is called anything but verified."""

import shutil
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from adapters.event_log.high_water import HighWater
from adapters.event_log.log import SqliteEventLog
from adapters.event_log.raw_file import RawLogFile
from adapters.keys import ed25519
from application.audit.verifying import Trust, verify_log
from domain.errors import StoreError, Tampered
from domain.ledger.keys import VerifierKey
from domain.ledger.raw import RawSource
from tests.attacks.log_corpus import Attack, corpus, honest_head, target
from tests.support.bundles import ROOT_VKEY, HonestLog
from tests.support.logs import EVENT_KEY, ORIGIN, VKEY, append, draft, mark_path, new_log, open_log, rewrite

LOG = target()


def verdict_of(source: RawSource, against: tuple[str, ...] = (), key: VerifierKey = VKEY) -> tuple[str, int | None]:
    found = verify_log(source, Trust(key, against=against), ed25519.verify)
    return found.verdict, found.findings[0].position if found.findings else None


def run(capsys: pytest.CaptureFixture[str], *, every_bit: bool) -> None:
    found: Counter[str] = Counter()
    missed: list[str] = []
    for attack in corpus(LOG, every_bit=every_bit):
        verdict, position = verdict_of(attack, attack.against, attack.key)
        found[verdict] += 1
        if verdict != "tampered" or (attack.position is not None and position != attack.position):
            missed.append(f"{attack.name}: {verdict} at {position} instead of {attack.position}")
    with capsys.disabled():
        said = ", ".join(f"{count} {verdict}" for verdict, count in sorted(found.items()))
        sys.stdout.write(f"\nlog attacks: {sum(found.values())}, found: {said}; missed: {len(missed)}\n")
    assert not missed, missed[:20]
    assert sum(found.values()) > 4500


def test_every_attack_is_found_at_its_position(capsys: pytest.CaptureFixture[str]) -> None:
    assert verdict_of(Attack("none", LOG.rows, LOG.head, None)) == ("verified", None)
    run(capsys, every_bit=False)


@pytest.mark.soak
def test_every_bit_counts(capsys: pytest.CaptureFixture[str]) -> None:
    run(capsys, every_bit=True)


STEPS: dict[str, Callable[[HonestLog], None]] = {
    "grow": lambda log: log.grow(2), "rotate event": HonestLog.rotate_event_key, "rotate log": HonestLog.rotate_log_key,
    "replace event": lambda log: log.replace_event_key() if log.rooted else log.grow(1),
    "revoke": lambda log: log.revoke_former(log.size) if log.rooted and log.former else log.grow(1),
}  # fmt: skip


def build(rooted: bool, steps: list[str]) -> HonestLog:
    log = HonestLog(rooted=rooted)
    for step in steps:
        STEPS[step](log)
    return log


def raises_no_alarm(rooted: bool, steps: list[str], data: st.DataObject) -> None:
    log = build(rooted, steps)
    rows = tuple(log.rows_there)
    whole = Attack("", rows, honest_head(rows, log.notes[log.size]), None)
    earlier = tuple(data.draw(st.lists(st.sampled_from(sorted(log.notes.values())), max_size=3)))
    keys = [VKEY, VerifierKey(ORIGIN, log.log_key.public_key), *([ROOT_VKEY] if rooted else [])]
    assert verdict_of(whole, earlier, data.draw(st.sampled_from(keys))) == ("verified", None)


HONEST = given(st.booleans(), st.lists(st.sampled_from(sorted(STEPS)), max_size=6), st.data())
test_no_honest_log_raises_an_alarm = settings(max_examples=1000)(HONEST(raises_no_alarm))
test_no_honest_log_of_many_raises_an_alarm = pytest.mark.soak(settings(max_examples=20_000)(HONEST(raises_no_alarm)))


# Files


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    new_log(path, events=8).close()
    return path


def found_by_both(path: Path) -> tuple[str, int | None]:
    """By verification with the mark, as `storectl verify` does it; and an append is refused."""
    with pytest.raises(StoreError) as refused:
        open_log(path).close()
    assert isinstance(refused.value, Tampered)
    mark = HighWater(mark_path(path), [VKEY], ed25519.verify).read()
    assert mark is not None
    found = verify_log(RawLogFile(path), Trust(VKEY, EVENT_KEY.public_key, [mark.note]), ed25519.verify)
    return found.verdict, found.findings[0].position


def test_a_database_put_back_from_an_older_copy_is_found(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "old.db")
    with open_log(path) as log:
        append(log, [draft(0)])
    for name in ("log.db-wal", "log.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", path)
    assert found_by_both(path) == ("tampered", 9)


def test_a_lost_write_ahead_log_is_found(path: Path) -> None:
    log = open_log(path)
    append(log, [draft(0), draft(1)])
    kept = path.read_bytes()
    assert path.with_name("log.db-wal").stat().st_size
    log.close()
    path.write_bytes(kept)
    for name in ("log.db-wal", "log.db-shm"):
        path.with_name(name).unlink(missing_ok=True)
    assert found_by_both(path) == ("tampered", 9)


def test_a_log_forked_and_grown_longer_is_found(path: Path, tmp_path: Path) -> None:
    shutil.copy(path, tmp_path / "old.db")
    with open_log(path) as log:
        append(log, [draft(0)])
    fork = tmp_path / "fork" / "log.db"
    with new_log(fork, events=8) as log:
        append(log, [draft(number) for number in range(50, 60)])
    shutil.copy(fork, path)
    assert found_by_both(path) == ("tampered", None)


def test_a_tail_cut_off_with_its_head_is_found(path: Path) -> None:
    rewrite(path, "DELETE FROM stored_events WHERE position > 6", "UPDATE log_head SET size = 6")
    assert found_by_both(path)[0] == "tampered"


def test_a_log_without_its_mark_is_not_continued(path: Path) -> None:
    mark_path(path).unlink()
    with pytest.raises(Tampered):
        SqliteEventLog(path, mark_path(path), log_signer=None, event_signer=None)
