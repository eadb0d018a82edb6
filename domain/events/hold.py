"""Events of what holds an image without a deployment: leases (for a time) and pins (because somebody said so)."""

from dataclasses import dataclass
from typing import ClassVar, Literal

from domain.values import ImageId

TargetKind = Literal["image", "layer", "deployment"]


@dataclass(frozen=True, slots=True)
class LeaseGranted:
    """Holds the image until `until_us` (microseconds since the epoch, UTC)."""

    kind: ClassVar[str] = "lease.granted"
    schema: ClassVar[int] = 1
    lease: str
    image: ImageId
    until_us: int

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class LeaseReleased:
    """The lease is over: it ran out, or was given back."""

    kind: ClassVar[str] = "lease.released"
    schema: ClassVar[int] = 1
    lease: str
    image: ImageId
    reason: str

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class PinSet:
    """Holds the target until `until_us`, or for ever (None). Setting it again replaces the time and the reason."""

    kind: ClassVar[str] = "pin.set"
    schema: ClassVar[int] = 1
    target_kind: TargetKind
    target: str
    until_us: int | None
    reason: str

    @property
    def stream(self) -> str:
        return f"{self.target_kind}/{self.target}"


@dataclass(frozen=True, slots=True)
class PinRemoved:
    kind: ClassVar[str] = "pin.removed"
    schema: ClassVar[int] = 1
    target_kind: TargetKind
    target: str
    reason: str

    @property
    def stream(self) -> str:
        return f"{self.target_kind}/{self.target}"
