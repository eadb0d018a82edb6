"""Events of auditing: what left the machine, for whom the log is kept."""

from dataclasses import dataclass
from typing import ClassVar

STREAM = "audit"


@dataclass(frozen=True, slots=True)
class AuditExported:
    """Events were exported for an auditor, as the log stood at `size` events: positions `first` to `last` (`last` is
    smaller where the range is empty), narrowed by `filters`. `sha256` is the written file's, of tiles the checkpoint's.
    """

    kind: ClassVar[str] = "audit.exported"
    schema: ClassVar[int] = 1
    format: str
    first: int
    last: int
    size: int
    filters: tuple[str, ...]
    sha256: str

    @property
    def stream(self) -> str:
        return STREAM
