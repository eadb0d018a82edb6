import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import BadInput, StoreError, Usage
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import (
    GENESIS_KIND,
    Genesis,
    VerifierKey,
    event_key_name,
    key_id,
    parse_genesis,
    parse_vkey,
)
from tests.support.logs import EVENT_KEY, LOG_KEY, ORIGIN, VKEY, genesis, vector

KEYS: dict[str, str] = vector("keys.json")
GOOD = {"store": "s", "origin": ORIGIN, "log_key": bytes(32), "event_key": b"e" * 32}


def test_golden_vkeys() -> None:
    for which, name in (("log", KEYS["origin"]), ("event", event_key_name(KEYS["origin"]))):
        key = VerifierKey(name, bytes.fromhex(KEYS[f"{which}_key"]))
        assert str(key) == KEYS[f"{which}_vkey"]
        assert parse_vkey(KEYS[f"{which}_vkey"]) == key
    assert key_id(event_key_name(KEYS["origin"]), bytes.fromhex(KEYS["event_key"])).hex() == KEYS["event_key_id"]


def test_the_vkey_of_the_signed_note_specification() -> None:
    """The example of golang.org/x/mod/sumdb/note, from which C2SP took the format."""
    text = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW"
    assert parse_vkey(text).name == "PeterNeumann"
    assert str(parse_vkey(text)) == text


@given(st.text(st.characters()) | st.text(alphabet=str(VKEY)) | st.just(f"\udc80{VKEY}"))
def test_garbage_is_refused_and_nothing_else_happens(text: str) -> None:
    with pytest.raises(StoreError):
        parse_vkey(text)


def test_one_flipped_bit_is_noticed() -> None:
    good = str(VKEY).encode()
    for bit in range(len(good) * 8):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        with pytest.raises(Usage):
            parse_vkey(flipped.decode("latin-1"))


def test_another_algorithm_is_refused() -> None:
    with pytest.raises(Usage, match="not an Ed25519 key"):
        parse_vkey("w.example+0a0b0c0d+BhpcQcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW0")


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"\xc1", msgpack.packb([]), msgpack.packb({}), msgpack.packb({**GOOD, "log_key": bytes(31)}),
        msgpack.packb({**GOOD, "event_key": "x" * 32}), msgpack.packb({**GOOD, "origin": b"bytes"}),
    ],
)  # fmt: skip
def test_a_first_event_without_keys_is_refused(payload: bytes) -> None:
    with pytest.raises(BadInput, match="first event"):
        parse_genesis(GENESIS_KIND, payload)


def test_a_first_event_of_another_kind_is_refused() -> None:
    with pytest.raises(BadInput, match=r"image\.bound"):
        parse_genesis("image.bound", msgpack.packb(GOOD))


def test_the_first_event_may_say_more() -> None:
    assert parse_genesis(GENESIS_KIND, msgpack.packb({**GOOD, "later": 1})) == Genesis(
        "s", ORIGIN, bytes(32), b"e" * 32
    )


def test_only_the_event_key_that_the_first_event_brings_may_sign() -> None:
    schedule, first = KeySchedule(), genesis()
    identity = key_id(event_key_name(ORIGIN), EVENT_KEY.public_key)
    assert schedule.event_key(0, identity) is None
    schedule.learn(0, first.stream, first.kind, 1, first.payload)
    schedule.learn(1, first.stream, first.kind, 1, b"a later event of that name brings no keys")
    assert schedule.event_key(0, identity) == schedule.event_key(9, identity) == EVENT_KEY.public_key
    assert schedule.event_key(1, key_id(ORIGIN, LOG_KEY.public_key)) is None
