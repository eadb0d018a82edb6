import pytest

from adapters.keys import ed25519
from tests.support.logs import EVENT_KEY, LOG_KEY

SIGNATURE = LOG_KEY.sign(b"data")


def test_a_signature_holds_for_its_key_and_data_only() -> None:
    assert ed25519.verify(LOG_KEY.public_key, SIGNATURE, b"data")
    assert not ed25519.verify(EVENT_KEY.public_key, SIGNATURE, b"data")
    assert not ed25519.verify(LOG_KEY.public_key, SIGNATURE, b"dat")


@pytest.mark.parametrize("key", [b"", bytes(31), bytes(33), b"\xff" * 32])
def test_what_is_no_key_verifies_nothing(key: bytes) -> None:
    assert not ed25519.verify(key, SIGNATURE, b"data")


@pytest.mark.parametrize("signature", [b"", SIGNATURE[:-1], SIGNATURE + b"\0", bytes(64), b"\xff" * 64])
def test_what_is_no_signature_does_not_hold(signature: bytes) -> None:
    assert not ed25519.verify(LOG_KEY.public_key, signature, b"data")


def test_one_flipped_bit_never_verifies() -> None:
    for bit in range(64 * 8):
        flipped = bytearray(SIGNATURE)
        flipped[bit // 8] ^= 1 << bit % 8
        assert not ed25519.verify(LOG_KEY.public_key, bytes(flipped), b"data")
