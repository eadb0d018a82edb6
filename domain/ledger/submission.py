"""A checkpoint with the proof that it extends an earlier one: what C2SP tlog-witness posts to `add-checkpoint`.

old <size>\\n
<base64(hash)>\\n            the consistency proof, at most 63 lines; none where the old size is 0
\\n
<the signed checkpoint>
"""

import base64
import re
from collections.abc import Iterator
from dataclasses import dataclass

from domain.errors import BadInput
from domain.ledger.checkpoint import Checkpoint, parse_checkpoint, parse_note
from domain.ledger.keys import from_base64
from domain.ledger.merkle import HASH_BYTES, verify_consistency

MAX_HASHES = 63
_OLD = re.compile(r"old (0|[1-9][0-9]{0,18})")


@dataclass(frozen=True, slots=True)
class Submission:
    """`note` is the signed checkpoint; `hashes` (32 bytes each) lead to it from the tree of `old_size`."""

    old_size: int
    hashes: tuple[bytes, ...]
    note: str

    @property
    def checkpoint(self) -> Checkpoint:
        """Raises BadInput."""
        return parse_checkpoint(parse_note(self.note).text)

    def __str__(self) -> str:
        proof = "".join(f"{base64.b64encode(node).decode()}\n" for node in self.hashes)
        return f"old {self.old_size}\n{proof}\n{self.note}"

    def extends(self, old: Checkpoint) -> bool:
        """Whether the proof leads from that checkpoint to this one."""
        new = self.checkpoint
        return old.size == self.old_size and (
            not self.hashes
            if old.size == 0
            else verify_consistency(old.size, old.root_hash, new.size, new.root_hash, self.hashes)
        )


def parse_submission(text: str) -> Submission:
    """Raises BadInput."""
    head, separator, note = text.partition("\n\n")
    first, *lines = head.split("\n")
    old = _OLD.fullmatch(first)
    hashes = [from_base64(line) for line in lines]
    if not separator or old is None or len(lines) > MAX_HASHES:
        raise BadInput("it is no checkpoint with a consistency proof: 'old SIZE', hashes, a blank line, the checkpoint")
    if any(node is None or len(node) != HASH_BYTES for node in hashes):
        raise BadInput("a line of its consistency proof is not a hash in base64")
    made = Submission(int(old[1]), tuple(node for node in hashes if node is not None), note)
    if made.old_size > made.checkpoint.size:
        raise BadInput(f"its old size {made.old_size} is larger than its checkpoint's")
    return made


def read_history(text: str) -> Iterator[Submission]:
    """Submissions one after another, as a destination that only grows keeps them. Raises BadInput."""
    begins = [match.start() for match in re.finditer(r"^old [0-9]+$", text, re.MULTILINE)]
    if not text:
        return
    if begins[:1] != [0]:
        raise BadInput("it does not begin with a checkpoint and its proof")
    for begin, end in zip(begins, [*begins[1:], len(text)], strict=True):
        yield parse_submission(text[begin:end])
