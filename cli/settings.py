"""What the global options said."""

from dataclasses import dataclass
from pathlib import Path


@dataclass(slots=True)
class Settings:
    """Mutable on purpose: global options are accepted behind the command's name, too, and then change these."""

    sysroot: Path
    json: bool
    verbose: int
    quiet: bool
    color: str
