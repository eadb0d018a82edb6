"""Being a witness: cosign what extends the checkpoint of that log that was cosigned last, and nothing else."""

from dataclasses import dataclass
from typing import Protocol

from domain.errors import Tampered, Unchecked
from domain.ledger.checkpoint import Note, open_checkpoint, parse_checkpoint, parse_note
from domain.ledger.cosignature import WitnessKey, cosign
from domain.ledger.keys import Signer, VerifierKey, Verify
from domain.ledger.submission import Submission


class WitnessState(Protocol):
    """What this witness cosigned last of one log, held by it alone while it is decided upon."""

    @property
    def note(self) -> str | None: ...

    @property
    def key(self) -> VerifierKey | None:
        """The log's key, where one was named before."""

    def keep(self, note: str, key: VerifierKey | None) -> None:
        """On disk when this returns. Raises Failed."""


@dataclass(frozen=True, slots=True)
class Cosigned:
    """`line` is the witness's signature line, `note` the checkpoint with it; `checked`: the log's key was known."""

    line: str
    note: str
    checked: bool


def witness(
    made: Submission, state: WitnessState, key: VerifierKey | None, as_witness: WitnessKey, signer: Signer,
    verify: Verify, time_s: int,
) -> Cosigned:  # fmt: skip
    """Cosign a checkpoint. The state is kept before the signature is given away.

    Raises Tampered where the checkpoint is not signed by the log's key, or contradicts what was cosigned before;
    Unchecked where the proof that it extends that is missing.
    """
    trusted = key or state.key
    new = made.checkpoint
    if trusted is not None:
        open_checkpoint(made.note, trusted, verify)
    if state.note is not None:
        old = parse_checkpoint(parse_note(state.note).text)
        if old.size == new.size:
            if old.root_hash != new.root_hash:
                raise Tampered(f"another history of {old.size} events was cosigned before", hint=_KEEP)
        elif old.size > new.size:
            raise Tampered(
                f"a checkpoint of {old.size} events was cosigned before, and this one has {new.size}", hint=_KEEP
            )
        elif made.old_size != old.size:
            raise Unchecked(
                f"a consistency proof from {old.size} events is needed",
                hint=f"'storectl audit consistency {old.size} {new.size}' on the host makes it: --proof FILE",
            )
        elif not made.extends(old):
            raise Tampered(f"it does not extend the checkpoint of {old.size} events that was cosigned", hint=_KEEP)
    state.keep(made.note, trusted)
    parsed = parse_note(made.note)
    line = cosign(parsed.text, as_witness, signer, time_s)
    return Cosigned(str(line), str(Note(parsed.text, (*parsed.signatures, line))), trusted is not None)


_KEEP = "keep both checkpoints: signed by one key, they prove that the log shows different histories"
