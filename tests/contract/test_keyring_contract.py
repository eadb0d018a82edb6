"""One suite for every keyring: the fake and the key files."""

from collections.abc import Callable
from pathlib import Path

import pytest

from adapters.keys import ed25519
from adapters.keys.key_files import create_key
from adapters.keys.keyring import KeyFiles
from domain.errors import KeyUnusable
from domain.ports import Keyring
from tests.fakes.keyring import FakeKeyring

Make = Callable[[Path], tuple[Keyring, bytes]]


def fake(_: Path) -> tuple[Keyring, bytes]:
    made = FakeKeyring()
    return made, made.current["event"]


def on_disk(directory: Path) -> tuple[Keyring, bytes]:
    keys = [create_key(directory / "keys" / f"{role}.key").public_key for role in ("log", "event")]
    return KeyFiles(directory / "keys"), keys[1]


@pytest.fixture(params=[fake, on_disk], ids=["fake", "files"])
def keyring(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Keyring, bytes]:
    make: Make = request.param
    return make(tmp_path)


def test_a_staged_key_signs_beside_the_other_until_it_takes_its_place(keyring: tuple[Keyring, bytes]) -> None:
    keys, old = keyring
    assert keys.staged("event") is None
    new = keys.stage("event")
    assert keys.staged("event") == new != old
    assert keys.staged("log") is None
    assert len(keys.sign(old, b"data")) == len(keys.sign(new, b"data")) == 64
    keys.promote("event")
    keys.promote("event")
    assert keys.staged("event") is None
    keys.sign(new, b"data")
    with pytest.raises(KeyUnusable):
        keys.sign(old, b"data")


def test_staging_again_replaces_and_discarding_leaves_the_key_in_force(keyring: tuple[Keyring, bytes]) -> None:
    keys, old = keyring
    first, second = keys.stage("event"), keys.stage("event")
    assert first != second == keys.staged("event")
    with pytest.raises(KeyUnusable):
        keys.sign(first, b"data")
    keys.discard("event")
    keys.discard("event")
    keys.promote("event")
    assert keys.staged("event") is None
    keys.sign(old, b"data")


def test_what_the_files_sign_holds_and_outlasts_the_process(tmp_path: Path) -> None:
    keys, _ = on_disk(tmp_path)
    new = keys.stage("log")
    again = KeyFiles(tmp_path / "keys")
    assert ed25519.verify(new, again.sign(new, b"data"), b"data")
    again.promote("log")
    assert KeyFiles(tmp_path / "keys").public("log") == new
