from collections.abc import Sequence
from dataclasses import replace

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from domain.errors import BadInput, StoreError, UnknownFormat
from domain.ledger.entry import Draft
from domain.ledger.key_changes import parse_key_change
from domain.ledger.key_schedule import KeySchedule, Unattributable
from domain.ledger.keys import event_key_name, key_id
from domain.ledger.record import read_body, read_record
from tests.support.keyed import (
    ROOT_KEY,
    KeyedVectors,
    added,
    first_events,
    new_key,
    revoked,
    rotated,
)
from tests.support.logs import EVENT_KEY, LOG_KEY, ORIGIN

NEW, NEWER, NEWEST = new_key(1), new_key(2), new_key(3)
NAMED = Draft("image/a", "image.named", 1, b"")


def learnt(*drafts: Draft, root: KeySigner | None = ROOT_KEY) -> KeySchedule:
    schedule = KeySchedule(ed25519.verify)
    for index, draft in enumerate([*first_events(root), *drafts]):
        learn(schedule, index, draft)
    return schedule


def learn(schedule: KeySchedule, index: int, draft: Draft) -> None:
    schedule.learn(index, draft.stream, draft.kind, draft.schema, draft.payload)


def may_sign(schedule: KeySchedule, key: KeySigner, size: int = 12) -> list[int]:
    identity = key_id(event_key_name(ORIGIN), key.public_key)
    return [index for index in range(size) if schedule.event_key(index, identity) == key.public_key]


def test_an_event_key_that_is_handed_on_signs_that_and_no_more() -> None:
    schedule = learnt(NAMED, rotated(4, "event", EVENT_KEY, NEW), NAMED)
    assert may_sign(schedule, EVENT_KEY) == [0, 1, 2, 3, 4]
    assert may_sign(schedule, NEW) == [5, 6, 7, 8, 9, 10, 11]
    assert schedule.current("event") == NEW.public_key


def test_an_event_key_that_the_root_adds_signs_its_own_coming() -> None:
    schedule = learnt(NAMED, added(4, "event", NEW, EVENT_KEY))
    assert may_sign(schedule, EVENT_KEY) == [0, 1, 2, 3]
    assert may_sign(schedule, NEW) == [4, 5, 6, 7, 8, 9, 10, 11]


def test_both_log_keys_may_sign_the_checkpoint_of_a_rotation_and_the_newer_has_to() -> None:
    schedule = learnt(rotated(3, "log", LOG_KEY, NEW), added(4, "log", NEWER, NEW))
    assert [schedule.log_key(size) for size in (0, 1, 3, 4, 5, 9)] == [
        None, LOG_KEY.public_key, LOG_KEY.public_key, NEW.public_key, NEWER.public_key, NEWER.public_key,
    ]  # fmt: skip
    assert [(span.first, span.last) for span in schedule.spans("log")] == [(1, 4), (4, 4), (5, None)]


def test_what_a_revoked_key_signed_after_its_last_good_position_is_unattributable() -> None:
    schedule = learnt(NAMED, NAMED, NAMED, added(6, "event", NEW, EVENT_KEY), revoked(7, "event", EVENT_KEY, 4))
    identity = key_id(event_key_name(ORIGIN), EVENT_KEY.public_key)
    assert schedule.unattributable(8) == (Unattributable(5, 6, identity, "stolen"),)
    assert schedule.unattributable(5) == (Unattributable(5, 5, identity, "stolen"),)
    assert schedule.unattributable(4) == ()


def test_so_is_what_a_key_signed_that_it_handed_on_to_until_the_root_adds_another() -> None:
    drafts = [
        rotated(3, "event", EVENT_KEY, NEW), rotated(4, "event", NEW, NEWER), NAMED, added(6, "event", NEWEST, NEWER),
        revoked(7, "event", EVENT_KEY, 3),
    ]  # fmt: skip
    assert [(r.first, r.last) for r in learnt(*drafts).unattributable(99)] == [(4, 4), (5, 5), (6, 6)]
    # Handed on while it was still good: the successor is good.
    drafts[-1] = revoked(7, "event", EVENT_KEY, 4)
    assert learnt(*drafts).unattributable(99) == ()


def test_the_smallest_last_good_position_counts() -> None:
    later = [revoked(7, "event", EVENT_KEY, 3), revoked(8, "event", EVENT_KEY, 5)]
    schedule = learnt(NAMED, NAMED, NAMED, added(6, "event", NEW, EVENT_KEY), *later)
    assert [(r.first, r.last) for r in schedule.unattributable(9)] == [(4, 6)]


@pytest.mark.parametrize(
    ("drafts", "problem"),
    [
        ([rotated(3, "event", NEW, NEWER)], "not the one in force"),
        ([rotated(3, "event", LOG_KEY, NEW)], "not the one in force"),
        ([rotated(3, "event", EVENT_KEY, EVENT_KEY)], "not new"),
        ([rotated(3, "event", EVENT_KEY, LOG_KEY)], "not new"),
        ([rotated(3, "event", EVENT_KEY, ROOT_KEY)], "not new"),
        ([rotated(3, "event", EVENT_KEY, NEW), rotated(4, "event", NEW, EVENT_KEY)], "not new"),
        ([rotated(4, "event", EVENT_KEY, NEW)], "does not hold"),
        ([rotated(3, "event", EVENT_KEY, NEW, origin="other.example/log")], "does not hold"),
        ([rotated(3, "event", EVENT_KEY, NEW, root=NEWER)], "does not hold"),
        ([rotated(3, "event", EVENT_KEY, NEW, root=None)], "does not hold"),
        ([added(3, "event", NEW, EVENT_KEY, root=NEWER)], "does not hold"),
        ([added(3, "event", NEW, LOG_KEY)], "not the one in force"),
        ([added(3, "event", EVENT_KEY, None)], "certifies"),
        ([added(3, "event", NEW, None)], "certifies"),
        ([revoked(3, "event", EVENT_KEY, 1)], "still in force"),
        ([revoked(3, "event", NEW, 1)], "never had"),
        ([revoked(3, "log", EVENT_KEY, 1)], "never had"),
        ([added(3, "event", NEW, EVENT_KEY), revoked(4, "event", EVENT_KEY, 5)], "not one before it"),
        ([added(3, "event", NEW, EVENT_KEY), revoked(4, "event", EVENT_KEY, -1)], "not one before it"),
        ([added(3, "event", NEW, EVENT_KEY), revoked(4, "event", EVENT_KEY, 1, root=NEW)], "does not hold"),
    ],
)
def test_a_change_of_keys_that_breaks_a_rule_is_refused_and_changes_nothing(
    drafts: Sequence[Draft], problem: str
) -> None:
    schedule = learnt(*drafts[:-1])
    before = schedule.spans("event"), schedule.spans("log"), schedule.changes
    with pytest.raises(BadInput, match=problem):
        learn(schedule, 2 + len(drafts), drafts[-1])
    assert (schedule.spans("event"), schedule.spans("log"), schedule.changes) == before


def test_without_a_root_key_keys_are_handed_on_and_nothing_else() -> None:
    schedule = learnt(rotated(1, "event", EVENT_KEY, NEW, root=None), root=None)
    assert schedule.current("event") == NEW.public_key
    schedule.require_certified()
    for draft in (added(2, "event", NEWER, NEW), revoked(2, "event", EVENT_KEY, 1)):
        with pytest.raises(BadInput, match="no root key"):
            learn(schedule, 2, draft)


def test_a_root_key_that_certifies_nothing_is_noticed() -> None:
    schedule = KeySchedule(ed25519.verify)
    for index, draft in enumerate([*first_events()[:2], NAMED]):
        learn(schedule, index, draft)
    with pytest.raises(BadInput, match="does not certify"):
        schedule.require_certified()


def test_what_a_newer_version_says_of_keys_is_not_understood_and_in_another_stream_it_does_not_hold() -> None:
    change = rotated(3, "event", EVENT_KEY, NEW)
    for newer in (replace(change, schema=2), replace(change, kind="key.shared")):
        with pytest.raises(UnknownFormat):
            learn(learnt(), 3, newer)
    with pytest.raises(BadInput, match="stream"):
        learn(learnt(), 3, replace(change, stream="store"))


CHANGES = {
    "add": (added(3, "event", NEW, EVENT_KEY), []),
    "rotate": (rotated(3, "log", LOG_KEY, NEW), []),
    "revoke": (revoked(4, "event", EVENT_KEY, 2), [added(3, "event", NEW, EVENT_KEY)]),
}


@pytest.mark.parametrize("name", CHANGES)
def test_no_field_of_a_change_can_be_changed(name: str) -> None:
    change, before = CHANGES[name]
    fields = msgpack.unpackb(change.payload)
    for field, value in fields.items():
        for other in others(value):
            schedule = learnt(*before)
            with pytest.raises(BadInput):
                learn(schedule, 3 + len(before), replace(change, payload=msgpack.packb({**fields, field: other})))


def others(value: object) -> list[object]:
    """Values like it that are not it: each byte of it changed, cut, another number, another type."""
    if isinstance(value, bytes):
        flipped = [value[:at] + bytes([value[at] ^ 1]) + value[at + 1 :] for at in range(len(value))]
        return [*flipped, value[:-1], b"", None, value.hex()]
    if isinstance(value, str):
        return [value + "x", "", None, value.encode(), {"event": "log", "log": "event"}.get(value, "?")]
    return [value + 1, None, str(value), True] if isinstance(value, int) else [b"x" * 32]


@given(st.binary(max_size=300) | st.dictionaries(st.text(max_size=12), st.binary(max_size=64)).map(msgpack.packb))
def test_garbage_is_refused_and_nothing_else_happens(payload: bytes) -> None:
    for kind in ("key.added", "key.rotated", "key.revoked"):
        with pytest.raises(StoreError):
            parse_key_change("keys", kind, 1, payload)


def test_golden_log_whose_keys_change() -> None:
    vectors, schedule = KeyedVectors(), KeySchedule(ed25519.verify)
    for record in vectors.records:
        body = read_body(read_record(record).body)
        schedule.learn(body.leaf_index, body.stream, body.kind, body.schema, body.payload)
        assert schedule.event_key(body.leaf_index, read_record(record).key_id)
    schedule.require_certified()
    (found,) = schedule.unattributable(len(vectors.records))
    assert [found.first, found.last] == vectors.golden["unattributable"]
