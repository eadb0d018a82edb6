"""A directory of files that a web server may serve (application.audit.tiling.StaticFiles)."""

from dataclasses import dataclass
from pathlib import Path

from adapters.files.state_directory import replace_bytes
from domain.errors import Failed

_MAX_BYTES = 1 << 20  # what is read back is a checkpoint


@dataclass(frozen=True, slots=True)
class StaticDirectory:
    """Paths are relative and made by the program, never taken from outside."""

    root: Path

    def has(self, path: str) -> bool:
        return (self.root / path).is_file()

    def read(self, path: str) -> bytes | None:
        try:
            with (self.root / path).open("rb") as file:
                return file.read(_MAX_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise Failed(f"cannot read {self.root / path}: {error.strerror}") from error

    def write(self, path: str, data: bytes) -> None:
        place = self.root / path
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise Failed(f"cannot make {place.parent}: {error.strerror}") from error
        replace_bytes(place, data)
