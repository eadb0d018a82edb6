"""Checkpoints: C2SP tlog-checkpoint inside a C2SP signed-note.

    <origin>\\n
    <tree size, decimal>\\n
    <base64(root hash)>\\n
    \\n
    — <key name> <base64(key id ‖ signature)>\\n        one line per signature; the dash is U+2014

Ed25519 signs the text: the three lines with their newlines. This log writes no extension lines and accepts none.
"""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass

from domain.errors import BadInput, Tampered
from domain.ledger.keys import Signer, VerifierKey, Verify, from_base64, is_key_name, key_id
from domain.ledger.merkle import HASH_BYTES

MAX_NOTE = 65_536  # bytes
MAX_SIGNATURES = 64

_SIZE = re.compile(r"0|[1-9][0-9]{0,18}")
_FORBIDDEN = re.compile(r"[\x00-\x09\x0b-\x1f\x7f\ud800-\udfff]")
_DASH = "\u2014 "


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """A tree head: how many events, and the root hash (32 bytes) over them."""

    origin: str
    size: int
    root_hash: bytes

    @property
    def text(self) -> str:
        """What is signed."""
        return f"{self.origin}\n{self.size}\n{base64.b64encode(self.root_hash).decode()}\n"


@dataclass(frozen=True, slots=True)
class NoteSignature:
    """One signature line; `signature` is whatever follows the key id, since other algorithms have other lengths."""

    name: str
    key_id: bytes
    signature: bytes

    def __str__(self) -> str:
        return f"{_DASH}{self.name} {base64.b64encode(self.key_id + self.signature).decode()}\n"


@dataclass(frozen=True, slots=True)
class Note:
    """A signed note: the text with its final newline, and its signatures. Witnesses' lines are kept, not understood."""

    text: str
    signatures: tuple[NoteSignature, ...]

    def __str__(self) -> str:
        return self.text + "\n" + "".join(map(str, self.signatures))


def parse_note(data: str) -> Note:
    """Raises BadInput, saying what about it is not a signed note."""
    if len(data) > MAX_NOTE or _FORBIDDEN.search(data):
        raise BadInput("not a signed note: too long, or with control characters, or not Unicode")
    text, separator, lines = data.rpartition("\n\n")
    if not separator or not lines.endswith("\n"):
        raise BadInput("not a signed note: there is no blank line before complete signature lines")
    rows = lines[:-1].split("\n")
    if len(rows) > MAX_SIGNATURES:
        raise BadInput(f"not a signed note: more than {MAX_SIGNATURES} signatures")
    return Note(text + "\n", tuple(map(_parse_signature, rows)))


def _parse_signature(line: str) -> NoteSignature:
    name, space, encoded = line.removeprefix(_DASH).partition(" ")
    data = from_base64(encoded)
    if not line.startswith(_DASH) or not space or not is_key_name(name) or data is None or len(data) <= 4:
        raise BadInput(f"not a signed note: {line[:80]!r} is not a signature line")
    return NoteSignature(name, data[:4], data[4:])


def parse_checkpoint(text: str) -> Checkpoint:
    """A note's text as a checkpoint. Raises BadInput."""
    lines = text.split("\n")
    if len(lines) != 4 or lines[3]:
        raise BadInput("not a checkpoint: it has to be three lines: origin, size, root hash")
    origin, size, encoded = lines[:3]
    root = from_base64(encoded)
    if not origin or not _SIZE.fullmatch(size) or root is None or len(root) != HASH_BYTES:
        raise BadInput("not a checkpoint: its origin, size or root hash is malformed")
    return Checkpoint(origin, int(size), root)


def sign_checkpoint(checkpoint: Checkpoint, *signers: Signer) -> str:
    """The signed note, under the log's origin as key name; two signers where one log key hands on to another."""
    name, text = checkpoint.origin, checkpoint.text.encode()
    lines = (NoteSignature(name, key_id(name, signer.public_key), signer.sign(text)) for signer in signers)
    return str(Note(checkpoint.text, tuple(lines)))


def open_checkpoint_by(note: str, keys: Iterable[VerifierKey], verify: Verify) -> Checkpoint:
    """The checkpoint of a note that one of the keys signed. Raises as open_checkpoint does."""
    problem = Tampered("the checkpoint carries no signature of a known key")
    for key in keys:
        try:
            return open_checkpoint(note, key, verify)
        except Tampered as error:
            problem = error
    raise problem


def open_checkpoint(note: str, key: VerifierKey, verify: Verify) -> Checkpoint:
    """The checkpoint of a note that this key signed. Raises BadInput (malformed), Tampered (not signed by it).

    Lines of other keys are ignored. A line that claims to be this key's and does not hold condemns the note.
    """
    parsed = parse_note(note)
    checkpoint = parse_checkpoint(parsed.text)
    if checkpoint.origin != key.name:
        raise Tampered(f"the checkpoint is of the log {checkpoint.origin!r}, the key of {key.name!r}")
    ours = [line for line in parsed.signatures if line.name == key.name and line.key_id == key.key_id]
    if not ours:
        raise Tampered(f"the checkpoint carries no signature of the key {key}")
    if not all(len(s.signature) == 64 and verify(key.public_key, s.signature, parsed.text.encode()) for s in ours):
        raise Tampered(f"the checkpoint's signature by {key} does not hold")
    return checkpoint
