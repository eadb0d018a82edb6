"""Events of garbage collection's plans."""

from dataclasses import dataclass
from typing import ClassVar

from domain.values import ImageId, OperationId


@dataclass(frozen=True, slots=True)
class PrunePlanned:
    """What an operation is going to remove, decided on the graph at `position`; `plan` is the plan's hash.

    A large plan is carried out by several operations: `images` is this one's part, `layers` and `bytes` the whole's.
    """

    kind: ClassVar[str] = "prune.planned"
    schema: ClassVar[int] = 1
    operation: OperationId
    plan: str
    position: int
    images: tuple[ImageId, ...]
    layers: int
    bytes: int

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"
