"""What was published, beside the log: `checkpoints/published/<destination>/<size>`, each with its consistency proof.

A file is what C2SP tlog-witness calls an add-checkpoint request: `old <size>`, the proof from the one before, the note.
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.files.state_directory import replace_file
from domain.errors import BadInput, Failed
from domain.ledger.submission import Submission, parse_submission

_NAME = "destination"
_DIGITS = 19


@dataclass(frozen=True, slots=True)
class PublishedFiles:
    """Implements `application.audit.publishing.Published`."""

    directory: Path

    def last(self, destination: str) -> str | None:
        """Raises Failed, BadInput."""
        newest = max(self._sizes(self._place(destination)), default=None)
        return self._read(newest).note if newest else None

    def keep(self, destination: str, made: Submission) -> None:
        place = self._place(destination)
        try:
            place.mkdir(mode=0o700, parents=True, exist_ok=True)
        except OSError as error:
            raise Failed(f"cannot make {place}: {error.strerror}") from error
        if not (place / _NAME).exists():
            replace_file(place / _NAME, f"{destination}\n")
        replace_file(place / f"{made.checkpoint.size:0{_DIGITS}}", str(made))

    def notes(self) -> Iterator[str]:
        """Every checkpoint that was published, with its cosignatures. Raises Failed, BadInput."""
        places = sorted(self.directory.iterdir()) if self.directory.is_dir() else []
        for place in places:
            for path in sorted(self._sizes(place)):
                yield self._read(path).note

    def _place(self, destination: str) -> Path:
        return self.directory / hashlib.sha256(destination.encode("utf-8", "surrogateescape")).hexdigest()[:16]

    def _sizes(self, place: Path) -> list[Path]:
        if not place.is_dir():
            return []
        return [path for path in place.iterdir() if path.name.isdecimal() and len(path.name) == _DIGITS]

    def _read(self, path: Path) -> Submission:
        try:
            return parse_submission(path.read_text("utf-8"))
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"cannot read {path}: {error}") from error
        except BadInput as error:
            raise BadInput(f"{path}: {error.message}", hint="remove it: the next publication begins anew") from error
