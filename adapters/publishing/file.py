"""Checkpoints in a file on another file system: FILE is the newest one, FILE.history all of them with their proofs."""

from collections import deque
from dataclasses import dataclass
from pathlib import Path

from adapters.files.state_directory import replace_file
from domain.errors import BadInput, Failed, Tampered
from domain.ledger.checkpoint import NoteSignature
from domain.ledger.submission import Submission, read_history
from domain.publishing import ProofFrom

_MAX_HISTORY = 256 << 20  # bytes: half a million checkpoints


@dataclass(frozen=True, slots=True)
class FileDestination:
    """Implements `domain.publishing.Destination`."""

    path: Path
    sysroot: Path

    @property
    def name(self) -> str:
        return str(self.path)

    @property
    def off_host(self) -> bool:
        """Another file system may be a medium, or another machine's."""
        try:
            return self.path.parent.stat().st_dev != self.sysroot.stat().st_dev
        except OSError:
            return False

    def publish(self, proof_from: ProofFrom) -> tuple[NoteSignature, ...]:
        """Raises Tampered where the log does not continue what lies there, BadInput where that is something else."""
        history = self.path.with_name(f"{self.path.name}.history")
        kept = self._read(history)
        try:
            last = next(iter(deque(read_history(kept), maxlen=1)), None)
            made = self._continued(last, proof_from)
        except BadInput as error:
            raise BadInput(
                f"{history}: {error.message}", hint="it was not written by storectl: name another"
            ) from error
        if made is not None:
            # The history first: a crash in between leaves it ahead of the file, and the next publication mends that.
            replace_file(history, f"{kept}{made}")
            replace_file(self.path, made.note)
        elif last is not None and self._read(self.path) != last.note:
            replace_file(self.path, last.note)
        return ()

    def _continued(self, last: Submission | None, proof_from: ProofFrom) -> Submission | None:
        if last is None:
            return proof_from(0)
        old = last.checkpoint
        head = proof_from(0).checkpoint
        if old.origin != head.origin:
            raise BadInput(f"it holds checkpoints of {old.origin!r}")
        if old.size > head.size:
            raise Tampered(f"{self.path} says that the log had {old.size} events, and it has {head.size}", hint=_VERIFY)
        made = proof_from(old.size)
        if not made.extends(old):
            raise Tampered(
                f"the log does not continue the checkpoint of {old.size} events in {self.path}", hint=_VERIFY
            )
        return made if head.size > old.size else None

    def _read(self, path: Path) -> str:
        try:
            if not path.exists():
                return ""
            if path.stat().st_size > _MAX_HISTORY:
                raise Failed(f"{path} is larger than {_MAX_HISTORY} bytes", hint="begin another file")
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"cannot read {path}: {error}") from error


_VERIFY = "events were lost or replaced: 'storectl verify --against' that file tells more"
