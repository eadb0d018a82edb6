"""Verification where keys changed, where a newer version wrote, and from what an earlier verification came to."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.event_log.reader import LogReader
from adapters.keys import ed25519
from application.audit.verifying import Trust, verify_log
from domain.errors import BadInput
from domain.events.codec import draft as event_draft
from domain.events.key import KeyAdded
from domain.ledger.entry import Draft
from domain.ledger.key_changes import Statement
from domain.ledger.keys import parse_vkey
from domain.ledger.verified import parse_state, state_text
from tests.application.test_verifying import SIZE, TRUST, path, positions, verdict
from tests.support.keyed import KeyedVectors, Records, added, begun, continued, first_events, new_key
from tests.support.logs import LOG_KEY, ORIGIN, OTHER_KEY, VKEY, append, draft, new_log, open_log, rewrite

__all__ = ["path"]


def test_the_golden_log_whose_keys_change_is_whole_and_its_unattributable_event_is_named() -> None:
    for vkey in (*KeyedVectors().golden["log_vkeys"], KeyedVectors().golden["root_vkey"]):
        for size in (5, 8):  # before the second log key is in force, only the first leads to a checkpoint
            found = verify_log(KeyedVectors(size), Trust(parse_vkey(vkey)), ed25519.verify)
            assert (found.verdict, found.signatures_checked) == ("verified", size)
        found = verify_log(KeyedVectors(), Trust(parse_vkey(vkey)), ed25519.verify)
        assert (found.verdict, positions(found), found.signatures_checked) == ("unchecked", [7], 9)


def test_what_a_newer_version_wrote_is_not_verified_and_not_tampered(path: Path) -> None:
    with LogReader(path) as reader:
        records = [reader.raw_record(position)[0] for position in range(1, SIZE + 1)]
    records = continued(records, Draft("keys", "key.shared", 1, b""), Draft("image/a", "image.named", 1, b""))
    found = verify_log(Records(records), TRUST, ed25519.verify)
    assert (found.verdict, positions(found)) == ("unchecked", [SIZE + 1])
    # Signed with a key that the event unknown to this version may have brought, or may not have.
    records = continued(records, Draft("image/b", "image.named", 1, b""), event=OTHER_KEY)
    found = verify_log(Records(records), TRUST, ed25519.verify)
    assert (found.verdict, positions(found)) == ("unchecked", [SIZE + 1, SIZE + 3])


def test_what_an_earlier_verification_covered_is_not_read_again(path: Path) -> None:
    state = verdict(path).state
    assert state is not None
    with open_log(path) as log:
        append(log, [draft(number) for number in range(7)])
    trust = replace(TRUST, start=parse_state(state_text(state)))
    found = verdict(path, trust)
    assert (found.verdict, found.size, found.signatures_checked) == ("verified", SIZE + 7, 7)
    assert found.root_hash == verdict(path).root_hash
    assert f"events 1 to {SIZE}" in found.not_checked[0]
    assert found.state == verdict(path).state
    rewrite(path, ("UPDATE stored_events SET topic = 'image.lost' WHERE position = ?", [SIZE + 3]))
    assert positions(verdict(path, trust)) == [SIZE + 3]


@pytest.mark.parametrize("position", [1, SIZE - 1])
def test_a_log_that_does_not_extend_what_was_verified_is_found(path: Path, tmp_path: Path, position: int) -> None:
    state = verdict(path).state
    with new_log(tmp_path / "other" / "log.db", events=position) as log:
        append(log, [draft(number) for number in range(SIZE)])
    assert verdict(tmp_path / "other" / "log.db", replace(TRUST, start=state)).verdict == "tampered"


@given(st.text(max_size=200) | st.dictionaries(st.text(max_size=20), st.text() | st.integers()).map(json.dumps))
def test_a_state_that_is_none_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(BadInput):
        parse_state(text)


@pytest.mark.parametrize("certificates", ["none", "forged", "another key's"])
def test_a_root_key_that_the_trusted_log_key_never_answered_for_is_not_followed(certificates: str) -> None:
    """Somebody makes a log that names the trusted key as its first, and a root of his own that replaces it."""
    root, log, event = OTHER_KEY, new_key(1), new_key(2)
    honest = first_events(root, LOG_KEY, event)
    signed = Statement("add", ORIGIN, 1, "log", root.public_key, b"", LOG_KEY.public_key).signed_bytes()
    forged = event_draft(KeyAdded("log", LOG_KEY.public_key, None, log.sign(signed), root.sign(signed)))
    drafts = {"none": [], "forged": [forged, honest[2]], "another key's": [added(1, "log", log, None, root=root)]}
    records = continued(begun(honest[0], event), *drafts[certificates], event=event)
    records = continued(records, added(len(records), "log", log, LOG_KEY, root=root), event=event)
    assert verify_log(Records(records, log=log), Trust(VKEY), ed25519.verify).verdict == "tampered"
