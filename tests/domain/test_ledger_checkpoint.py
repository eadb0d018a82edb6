import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.keys import ed25519
from adapters.keys.key_files import KeySigner
from domain.errors import BadInput, StoreError, Tampered
from domain.ledger.checkpoint import (
    Checkpoint,
    Note,
    NoteSignature,
    open_checkpoint,
    parse_checkpoint,
    parse_note,
    sign_checkpoint,
)
from domain.ledger.keys import VerifierKey, parse_vkey
from domain.ledger.merkle import root_hash
from tests.support.logs import LOG_KEY, ORIGIN, OTHER_KEY, VECTORS, VKEY, vector

ROOT = bytes(range(32))
NOTE = sign_checkpoint(Checkpoint(ORIGIN, 5, ROOT), LOG_KEY)
NAMES = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zs", "Zl", "Zp")), min_size=1).filter(
    lambda text: "+" not in text and not any(map(str.isspace, text))
)
LINES = st.builds(NoteSignature, NAMES, st.binary(min_size=4, max_size=4), st.binary(min_size=1, max_size=80))


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_golden_checkpoints(size: int) -> None:
    keys = vector("keys.json")
    note = (VECTORS / f"checkpoint-{size}").read_text(encoding="utf-8")
    checkpoint = open_checkpoint(note, parse_vkey(keys["log_vkey"]), ed25519.verify)
    leaves = [bytes.fromhex(row["leaf_hash"]) for row in vector("records.json")[:size]]
    assert checkpoint == Checkpoint(keys["origin"], size, root_hash(leaves))
    assert sign_checkpoint(checkpoint, KeySigner.from_seed(bytes.fromhex(keys["log_seed"]))) == note
    assert str(parse_note(note)) == note


@given(st.text(st.characters(exclude_categories=("Cs", "Cc"))), st.lists(LINES, min_size=1, max_size=5))
def test_every_note_comes_back(text: str, signatures: list[NoteSignature]) -> None:
    note = Note(text + "\n", tuple(signatures))
    assert parse_note(str(note)) == note


@given(st.text(st.characters(exclude_categories=("Cs", "Cc")), min_size=1), st.integers(0, 2**63 - 1))
def test_every_checkpoint_comes_back(origin: str, size: int) -> None:
    checkpoint = Checkpoint(origin, size, ROOT)
    assert parse_checkpoint(checkpoint.text) == checkpoint


@given(
    st.text(st.characters())
    | st.text(st.characters()).map(lambda text: f"{ORIGIN}\n5\n{text}\n\n\u2014 {ORIGIN} {text}\n")
)
def test_garbage_is_refused_and_nothing_else_happens(text: str) -> None:
    for parse in (parse_note, parse_checkpoint, lambda text: open_checkpoint(text, VKEY, ed25519.verify)):
        try:
            result = parse(text)
        except StoreError:
            continue
        assert text == (str(result) if isinstance(result, Note) else result.text)


def test_one_flipped_bit_never_verifies() -> None:
    good = NOTE.encode()
    for bit in range(len(good) * 8):
        flipped = bytearray(good)
        flipped[bit // 8] ^= 1 << bit % 8
        try:
            text = flipped.decode()
        except UnicodeDecodeError:
            continue
        with pytest.raises(StoreError):
            open_checkpoint(text, VKEY, ed25519.verify)


def test_lines_of_others_are_kept_and_ignored() -> None:
    witness = f"\u2014 witness.example/w1 {base64.b64encode(bytes(76)).decode()}\n"
    same_name = str(NoteSignature(ORIGIN, b"\x01\x02\x03\x04", bytes(64)))
    note = NOTE + witness + same_name
    assert open_checkpoint(note, VKEY, ed25519.verify).size == 5
    assert str(parse_note(note)) == note
    text, lines = NOTE.split("\n\n")
    assert open_checkpoint(f"{text}\n\n{same_name}{witness}{lines}", VKEY, ed25519.verify).size == 5


def test_a_line_of_ours_that_does_not_hold_condemns_the_note() -> None:
    forged = str(NoteSignature(ORIGIN, VKEY.key_id, bytes(64)))
    with pytest.raises(Tampered, match="does not hold"):
        open_checkpoint(NOTE + forged, VKEY, ed25519.verify)


def test_another_key_or_log_is_not_ours() -> None:
    with pytest.raises(Tampered, match="no signature"):
        open_checkpoint(NOTE, VerifierKey(ORIGIN, OTHER_KEY.public_key), ed25519.verify)
    with pytest.raises(Tampered, match="of the log"):
        open_checkpoint(NOTE, VerifierKey("another.example/log", LOG_KEY.public_key), ed25519.verify)


@pytest.mark.parametrize(
    "text",
    [
        f"{ORIGIN}\n05\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n-5\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(ROOT[:31]).decode()}\n",
        f"{ORIGIN}\n5\n{base64.b64encode(ROOT).decode()}\nextension\n",
        f"{ORIGIN}\n5\n{base64.b64encode(ROOT).decode().rstrip('=')}\n",
        f"\n5\n{base64.b64encode(ROOT).decode()}\n",
        f"{ORIGIN}\n٥\n{base64.b64encode(ROOT).decode()}\n",
    ],
)
def test_a_checkpoint_has_one_form(text: str) -> None:
    with pytest.raises(BadInput, match="checkpoint"):
        parse_checkpoint(text)


@pytest.mark.parametrize(
    "change",
    [
        lambda note: note.removesuffix("\n"),
        lambda note: note.replace("\u2014", "-"),
        lambda note: note.replace("\n\n", "\n"),
        lambda note: note.replace("\n", "\r\n"),
        lambda note: note + "\n",
        lambda note: note + "trailing\n",
        lambda note: note + note.splitlines(keepends=True)[-1] * 64,
        lambda note: "x" * 70_000 + note,
        lambda note: "\udc80" + note,
    ],
)
def test_a_note_has_one_form(change: object) -> None:
    with pytest.raises(BadInput, match="signed note"):
        parse_note(change(NOTE))  # type: ignore[operator]
