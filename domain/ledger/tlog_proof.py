"""C2SP tlog-proof: that one event is in the log, in a file that is checked offline.

    c2sp.org/tlog-proof@v1
    extra <base64>                 (optional, not authenticated; this log writes none)
    index <index from 0, decimal>
    <base64 of a hash>             (the inclusion proof, the leaf's sibling first)
    <empty line>
    <the checkpoint, verbatim>

The tool `spicy` reads the same without its first line.
"""

import base64
import binascii
import re
from dataclasses import dataclass

from domain.errors import BadInput, Tampered
from domain.ledger.checkpoint import MAX_NOTE, Checkpoint, open_checkpoint
from domain.ledger.keys import VerifierKey, Verify, from_base64
from domain.ledger.merkle import HASH_BYTES, verify_inclusion

HEADER = "c2sp.org/tlog-proof@v1"
MAX_HASHES = 63
_INDEX = re.compile(r"index (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class TlogProof:
    """`index` from 0; `hashes` of 32 bytes; `checkpoint` is the signed note."""

    index: int
    hashes: tuple[bytes, ...]
    checkpoint: str

    @property
    def spicy(self) -> str:
        """Without the header line, as `spicy` reads it."""
        lines = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.hashes)
        return f"index {self.index}\n{lines}\n{self.checkpoint}"

    def __str__(self) -> str:
        return f"{HEADER}\n{self.spicy}"


def parse_tlog_proof(data: str) -> TlogProof:
    """Raises BadInput. `extra` is read and thrown away: nothing vouches for it."""
    if len(data) > 2 * MAX_NOTE:
        raise BadInput("not a tlog-proof: it is too long")
    head, separator, checkpoint = data.partition("\n\n")
    lines = head.split("\n")
    if lines[0] != HEADER or not separator:
        raise BadInput(f"not a tlog-proof: its first line is not {HEADER}, or it has no checkpoint")
    rest = lines[1:]
    if rest and rest[0].startswith("extra "):
        _require_base64(rest.pop(0).removeprefix("extra "))
    match = _INDEX.fullmatch(rest[0]) if rest else None
    if match is None:
        raise BadInput("not a tlog-proof: there is no line with the index")
    hashes = [from_base64(line) or b"" for line in rest[1:]]
    if len(hashes) > MAX_HASHES or any(len(node) != HASH_BYTES for node in hashes):
        raise BadInput("not a tlog-proof: a line of the inclusion proof is no hash, or there are too many")
    return TlogProof(int(match[1]), tuple(hashes), checkpoint)


def check_tlog_proof(proof: TlogProof, leaf: bytes, key: VerifierKey, verify: Verify) -> Checkpoint:
    """The checkpoint under which the leaf hash stands at the proof's index.

    Raises Tampered (the proof or the checkpoint's signature does not hold), BadInput (the checkpoint is malformed).
    """
    checkpoint = open_checkpoint(proof.checkpoint, key, verify)
    if not verify_inclusion(leaf, proof.index, checkpoint.size, proof.hashes, checkpoint.root_hash):
        raise Tampered(f"the proof does not show that the event is at index {proof.index}")
    return checkpoint


def _require_base64(text: str) -> None:
    try:
        base64.b64decode(text.encode("ascii"), validate=True)
    except (binascii.Error, ValueError) as error:
        raise BadInput("not a tlog-proof: its extra data is not base64") from error
