"""A real log file whose keys change: what may be appended, by which keys it opens, what verification says."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from adapters.event_log.log import SqliteEventLog
from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from application.audit.verdict import Verdict
from application.audit.verifying import Trust, verify_log
from domain.errors import BadInput, Conflict, KeyUnusable
from domain.ledger.checkpoint import parse_note
from domain.ledger.entry import Draft
from domain.ledger.keys import VerifierKey
from tests.support.keyed import ROOT_KEY, added, first_events, new_key, revoked, rotated
from tests.support.logs import EVENT_KEY, LOG_KEY, NOW, ORIGIN, OTHER_KEY, append, draft, mark_path

LOG2, EVENT2, EVENT3 = new_key(1), new_key(2), new_key(3)
STAGED = {key.public_key: key for key in (LOG2, EVENT2, EVENT3)}
ROOT_VKEY = VerifierKey(f"{ORIGIN}/root", ROOT_KEY.public_key)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "log.db"
    SqliteEventLog.create(
        path, mark_path(path), ORIGIN, first_events(), log_signer=LOG_KEY, event_signer=EVENT_KEY, actor="test",
        operation="", now_us=NOW,
    ).close()  # fmt: skip
    return path


def opened(path: Path, log: KeySigner | None, event: KeySigner | None) -> SqliteEventLog:
    return SqliteEventLog(path, mark_path(path), log_signer=log, event_signer=event, find_key=STAGED.get)


def verdict(path: Path, key: VerifierKey | None, against: Sequence[str] = ()) -> Verdict:
    return verify_log(RawLogFile(path), Trust(key, against=against), ed25519.verify)


def log_key(signer: KeySigner) -> VerifierKey:
    return VerifierKey(ORIGIN, signer.public_key)


def grow(path: Path) -> None:
    """Both keys are rotated, and events appended before, between and after, in one go and after opening again."""
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [draft(0)])
        append(log, [rotated(4, "event", EVENT_KEY, EVENT2)])
        append(log, [draft(1)])
        append(log, [rotated(6, "log", LOG_KEY, LOG2)])
        append(log, [draft(2)])
    with opened(path, LOG2, EVENT2) as log:
        append(log, [draft(number) for number in range(3, 103)])


def test_a_log_goes_on_with_rotated_keys_and_every_key_that_it_had_verifies_it(path: Path) -> None:
    grow(path)
    for key in (log_key(LOG_KEY), log_key(LOG2), ROOT_VKEY):
        found = verdict(path, key)
        assert (found.verdict, found.findings, found.signatures_checked) == ("verified", (), 108)


def test_keys_that_are_not_in_force_do_not_open_it(path: Path) -> None:
    grow(path)
    for log, event in ((LOG_KEY, EVENT2), (LOG2, EVENT_KEY), (LOG_KEY, EVENT_KEY)):
        with pytest.raises(KeyUnusable):
            opened(path, log, event)


def test_the_checkpoint_of_a_rotation_is_signed_by_both_keys(path: Path) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [rotated(3, "log", LOG_KEY, LOG2)])
        both = log.head().checkpoint
        append(log, [draft(1)])
        assert len(parse_note(log.head().checkpoint).signatures) == 1
    assert len(parse_note(both).signatures) == 2
    assert verdict(path, log_key(LOG2), [both]).verdict == "verified"
    assert verdict(path, log_key(LOG_KEY), [both]).verdict == "verified"


def test_a_crash_between_a_rotation_and_the_mark_is_got_over(path: Path) -> None:
    before = mark_path(path).read_bytes()
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [rotated(3, "log", LOG_KEY, LOG2)])
    mark_path(path).write_bytes(before)
    opened(path, LOG2, EVENT_KEY).close()
    assert mark_path(path).read_bytes() != before


def test_keys_changed_in_one_append_sign_their_own_part_of_it(path: Path) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [
            draft(0), rotated(4, "event", EVENT_KEY, EVENT2), draft(1), added(6, "event", EVENT3, EVENT2),
            rotated(7, "log", LOG_KEY, LOG2), revoked(8, "event", EVENT2, 6), draft(2),
        ])  # fmt: skip
    found = verdict(path, log_key(LOG_KEY))
    assert (found.verdict, found.findings) == ("verified", ())


def test_lost_keys_are_replaced_by_the_root_and_nothing_else_can_be_signed_before(path: Path) -> None:
    with opened(path, None, None) as log:
        with pytest.raises(KeyUnusable):
            append(log, [draft(0)])
        with pytest.raises(KeyUnusable):
            append(log, [added(3, "event", EVENT2, EVENT_KEY)])
        # The event key first: it signs its own coming, and then the log key's.
        append(log, [added(3, "event", EVENT2, EVENT_KEY), added(4, "log", LOG2, LOG_KEY)])
        append(log, [draft(0)])
    with opened(path, LOG2, EVENT2) as log:
        append(log, [draft(1)])
    assert verdict(path, log_key(LOG_KEY)).verdict == verdict(path, ROOT_VKEY).verdict == "verified"


@pytest.mark.parametrize(
    "change",
    [
        rotated(4, "event", EVENT_KEY, EVENT2),
        rotated(3, "event", EVENT2, EVENT3),
        added(3, "event", EVENT2, EVENT_KEY, root=OTHER_KEY),
        revoked(3, "event", EVENT_KEY, 1),
    ],
)
def test_a_change_that_would_not_verify_is_not_appended(path: Path, change: Draft) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        with pytest.raises(BadInput):
            append(log, [change])
        append(log, [draft(0)])
    assert verdict(path, log_key(LOG_KEY)).verdict == "verified"


def test_whoever_opened_the_log_before_the_keys_changed_appends_nothing_more(path: Path) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as stale, opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [rotated(3, "event", EVENT_KEY, EVENT2)])
        with pytest.raises(Conflict, match="keys"):
            append(stale, [draft(0)])
        append(log, [draft(0)])
    assert verdict(path, log_key(LOG_KEY)).verdict == "verified"


def test_events_under_a_revoked_key_are_never_passed_as_verified(path: Path) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        append(log, [draft(0), draft(1)])
        append(log, [added(5, "event", EVENT2, EVENT_KEY), revoked(6, "event", EVENT_KEY, 4)])
    found = verdict(path, log_key(LOG_KEY))
    assert (found.verdict, [finding.position for finding in found.findings]) == ("unchecked", [5])
    assert "not attributable" in found.findings[0].problem


def test_a_revoked_log_key_is_not_trusted_and_its_later_checkpoints_say_nothing(path: Path) -> None:
    with opened(path, LOG_KEY, EVENT_KEY) as log:
        early = log.head().checkpoint
        append(log, [draft(0)])
        late = log.head().checkpoint
        append(log, [added(4, "log", LOG2, LOG_KEY), revoked(5, "log", LOG_KEY, 3)])
    assert verdict(path, log_key(LOG_KEY)).verdict == "unchecked"
    assert verdict(path, ROOT_VKEY, [early]).verdict == verdict(path, log_key(LOG2), [early]).verdict == "verified"
    found = verdict(path, ROOT_VKEY, [late])
    assert found.verdict == "unchecked"
    assert "revoked" in found.findings[0].problem


def test_a_foreign_root_key_and_a_forged_history_of_keys_are_found(path: Path, tmp_path: Path) -> None:
    assert verdict(path, VerifierKey(f"{ORIGIN}/root", OTHER_KEY.public_key)).verdict == "tampered"
    # Somebody makes a log of his own that names the trusted key as an earlier one, and his own root.
    forged = tmp_path / "forged" / "log.db"
    forged.parent.mkdir()
    with SqliteEventLog.create(
        forged, mark_path(forged), ORIGIN, first_events(OTHER_KEY, LOG2, EVENT2), log_signer=LOG2, event_signer=EVENT2,
        actor="mallory", operation="", now_us=NOW,
    ) as log:  # fmt: skip
        append(log, [draft(0)])
    for key in (log_key(LOG_KEY), ROOT_VKEY):
        assert verdict(forged, key).verdict == "tampered"


def test_reading_tells_the_keys_without_checking_signatures(path: Path) -> None:
    grow(path)
    with LogReader(path) as reader:
        schedule = reader.key_schedule()
    assert [span.key for span in schedule.spans("log")] == [LOG_KEY.public_key, LOG2.public_key]
    assert schedule.changes == 4
