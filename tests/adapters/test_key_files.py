import base64
import os
from pathlib import Path

import pytest
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding, NoEncryption, PrivateFormat
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.keys import ed25519, key_files
from adapters.keys.key_files import KeySigner, create_key, ensure_key, load_key
from domain.errors import Failed, KeyUnusable

PKCS8 = (Encoding.PEM, PrivateFormat.PKCS8)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "keys" / "log.key"


@pytest.fixture
def _cheap_scrypt(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(key_files, "_SCRYPT", (14, 8, 1))


def private(path: Path, content: bytes) -> Path:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    path.chmod(0o600)
    return path


def envelope(path: Path) -> bytes:
    return base64.b64decode(b"".join(path.read_bytes().splitlines()[1:-1]))


def enveloped(data: bytes) -> bytes:
    label = b"STORECTL ENCRYPTED KEY-----\n"
    return b"-----BEGIN " + label + base64.encodebytes(data) + b"-----END " + label


def test_a_key_comes_back_and_signs(path: Path) -> None:
    made = create_key(path)
    assert path.read_bytes().startswith(b"-----BEGIN PRIVATE KEY-----\n")
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    assert list(path.parent.iterdir()) == [path]
    loaded = load_key(path)
    assert loaded.public_key == made.public_key
    assert ed25519.verify(made.public_key, loaded.sign(b"data"), b"data")
    assert not ed25519.verify(made.public_key, loaded.sign(b"data"), b"other")
    assert repr(loaded._key) not in repr(loaded)


def test_a_key_with_a_passphrase_opens_with_it_alone(path: Path) -> None:
    made = create_key(path, b"correct horse")
    assert envelope(path)[:4] == bytes((1, 17, 8, 1))
    assert load_key(path, b"correct horse").public_key == made.public_key
    for wrong in (b"", b"correct horse\n"):
        with pytest.raises(KeyUnusable, match=f"{path} does not open"):
            load_key(path, wrong)
    with pytest.raises(KeyUnusable, match="needs its passphrase"):
        load_key(path)


def test_an_existing_key_is_never_replaced(path: Path) -> None:
    made = create_key(path)
    with pytest.raises(Failed, match=str(path)):
        create_key(path)
    assert load_key(path).public_key == ensure_key(path).public_key == made.public_key


def test_what_a_crash_left_of_creation_is_not_in_the_way(path: Path) -> None:
    private(path.with_name(".log.key.new"), b"half a k")
    made = ensure_key(path)
    assert list(path.parent.iterdir()) == [path]
    assert load_key(path).public_key == made.public_key


def test_a_directory_that_cannot_be_written_is_no_traceback(tmp_path: Path) -> None:
    (tmp_path / "keys").write_text("a file")
    with pytest.raises(Failed, match="cannot write the key"):
        create_key(tmp_path / "keys" / "log.key")


def test_a_missing_key(path: Path) -> None:
    with pytest.raises(KeyUnusable, match=f"{path} is missing"):
        load_key(path)


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o666])
def test_a_key_that_others_can_touch(path: Path, mode: int) -> None:
    create_key(path)
    path.chmod(mode)
    with pytest.raises(KeyUnusable, match=f"open to others .*{mode:04o}"):
        load_key(path)


def test_a_key_of_somebody_else(path: Path) -> None:
    create_key(path)
    os.chown(path, 12345, 12345)
    with pytest.raises(KeyUnusable, match="belongs to user 12345"):
        load_key(path)


def test_what_is_no_file(path: Path) -> None:
    create_key(path)
    link, fifo = path.with_name("link"), path.with_name("fifo")
    link.symlink_to(path)
    os.mkfifo(fifo, 0o600)
    for odd in (link, fifo, path.parent):
        with pytest.raises(KeyUnusable, match=str(odd)):
            load_key(odd)


def test_keys_of_another_kind(path: Path) -> None:
    other = generate_private_key(SECP256R1()).private_bytes(*PKCS8, NoEncryption())
    with pytest.raises(KeyUnusable, match="not an Ed25519 key"):
        load_key(private(path, other))
    theirs = Ed25519PrivateKey.generate().private_bytes(*PKCS8, BestAvailableEncryption(b"x"))
    with pytest.raises(KeyUnusable, match="not by storectl"):
        load_key(private(path, theirs))
    with pytest.raises(KeyUnusable, match="larger than"):
        load_key(private(path, b"x" * 20_000))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=300) | st.binary(max_size=90).map(enveloped))
def test_garbage_is_refused_and_nothing_else_happens(path: Path, content: bytes) -> None:
    with pytest.raises(KeyUnusable, match=str(path)):
        load_key(private(path, content), b"passphrase")


@pytest.mark.usefixtures("_cheap_scrypt")
def test_one_flipped_bit_of_an_envelope_is_noticed(path: Path) -> None:
    create_key(path, b"p")
    data = envelope(path)
    for byte in range(len(data)):
        if byte == 1:
            continue  # the cost itself: a larger one is within the bounds, and takes its time
        flipped = bytearray(data)
        flipped[byte] ^= 1
        with pytest.raises(KeyUnusable):
            load_key(private(path, enveloped(bytes(flipped))), b"p")


@pytest.mark.usefixtures("_cheap_scrypt")
@pytest.mark.parametrize(
    "parameters",
    [(0, 14, 8, 1), (1, 19, 8, 1), (1, 30, 8, 1), (1, 13, 8, 1), (1, 14, 9, 1), (1, 14, 8, 5), (1, 14, 8, 0)],
)
def test_parameters_of_the_envelope_are_bounded(path: Path, parameters: tuple[int, ...]) -> None:
    create_key(path, b"p")
    with pytest.raises(KeyUnusable, match="does not accept"):
        load_key(private(path, enveloped(bytes(parameters) + envelope(path)[4:])), b"p")


def test_seeds_are_those_of_rfc_8032() -> None:
    """Section 7.1, test 2."""
    signer = KeySigner.from_seed(bytes.fromhex("4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb"))
    assert signer.public_key.hex() == "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c"
    assert signer.sign(b"\x72").hex().startswith("92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da")
