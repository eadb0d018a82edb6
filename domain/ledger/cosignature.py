"""C2SP tlog-cosignature, Ed25519: a witness's word that a checkpoint is consistent with all that it saw of the log.

signed:  cosignature/v1\\n  time <POSIX seconds>\\n  <the checkpoint's three lines>
line:    — <witness name> base64(key id ‖ time (8 bytes, big-endian) ‖ signature (64))
key id = SHA-256(name ‖ 0x0A ‖ 0x04 ‖ public key)[:4]
"""

import base64
import hashlib
import re
from dataclasses import dataclass

from domain.errors import UnknownFormat, Usage
from domain.ledger.checkpoint import Note, NoteSignature
from domain.ledger.keys import PUBLIC_KEY_BYTES, Signer, Verify, from_base64, is_key_name

MAX_TIME = 2**63 - 1

_ED25519_COSIGNATURE = b"\x04"
_OTHER = {b"\x06": "ML-DSA-44"}
_HEX8 = re.compile(r"[0-9a-f]{8}")


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """A witness's public key with its name; `str()` gives the vkey."""

    name: str
    public_key: bytes

    @property
    def key_id(self) -> bytes:
        return hashlib.sha256(f"{self.name}\n".encode() + _ED25519_COSIGNATURE + self.public_key).digest()[:4]

    def __str__(self) -> str:
        encoded = base64.b64encode(_ED25519_COSIGNATURE + self.public_key).decode()
        return f"{self.name}+{self.key_id.hex()}+{encoded}"


def parse_witness_vkey(text: str) -> WitnessKey:
    """A witness's verifier key. Raises Usage; UnknownFormat for an algorithm that this version cannot check."""
    name, _, rest = text.partition("+")
    identity, _, encoded = rest.partition("+")
    data = from_base64(encoded)
    if not is_key_name(name) or not _HEX8.fullmatch(identity) or not data:
        raise Usage(f"not a witness's verifier key: {text!r}", hint="it is NAME+ID+KEY, of signature type 4")
    if data[:1] in _OTHER:
        raise UnknownFormat(f"the witness {name} cosigns with {_OTHER[data[:1]]}, which this version cannot check")
    if data[:1] != _ED25519_COSIGNATURE or len(data) != 1 + PUBLIC_KEY_BYTES:
        raise Usage(f"the verifier key of {name} is not an Ed25519 cosigner's", hint="its signature type has to be 4")
    key = WitnessKey(name, data[1:])
    if key.key_id.hex() != identity:
        raise Usage(f"the verifier key of {name} is damaged: its id is {identity}, its content's {key.key_id.hex()}")
    return key


def cosign(text: str, key: WitnessKey, signer: Signer, time_s: int) -> NoteSignature:
    """The signature line of a witness under a checkpoint's text, at a POSIX time in seconds."""
    signature = signer.sign(_signed(text, time_s))
    return NoteSignature(key.name, key.key_id, time_s.to_bytes(8, "big") + signature)


def cosigned_at(note: Note, key: WitnessKey, verify: Verify) -> int | None:
    """When the witness cosigned (POSIX seconds, the latest); None where no line of its holds."""
    times = [
        int.from_bytes(line.signature[:8], "big")
        for line in note.signatures
        if (line.name, line.key_id, len(line.signature)) == (key.name, key.key_id, 72)
    ]
    held = [time for time in times if time <= MAX_TIME and _holds(note, key, time, verify)]
    return max(held, default=None)


def _holds(note: Note, key: WitnessKey, time_s: int, verify: Verify) -> bool:
    stamp = time_s.to_bytes(8, "big")
    return any(
        verify(key.public_key, line.signature[8:], _signed(note.text, time_s))
        for line in note.signatures
        if line.name == key.name and line.key_id == key.key_id and line.signature[:8] == stamp
    )


def _signed(text: str, time_s: int) -> bytes:
    return f"cosignature/v1\ntime {time_s}\n{text}".encode()
