"""Events of checkpoints: which left the log, and where to."""

from dataclasses import dataclass
from typing import ClassVar

ELSEWHERE, HERE = "checkpoint/elsewhere", "checkpoint/here"


@dataclass(frozen=True, slots=True)
class CheckpointPublished:
    """The checkpoint of `size` events is at `destination`. `off_host`: whoever is root here cannot take it back there.

    `cosigned_by` are the witnesses whose cosignatures on it were checked.
    """

    kind: ClassVar[str] = "checkpoint.published"
    schema: ClassVar[int] = 1
    size: int
    root_hash: bytes
    destination: str
    off_host: bool
    cosigned_by: tuple[str, ...]

    @property
    def stream(self) -> str:
        return ELSEWHERE if self.off_host else HERE
