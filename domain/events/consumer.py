"""Events of consumer stores: other containers-storage instances that use the owned one as an additional image store."""

from dataclasses import dataclass
from typing import ClassVar

from domain.values import ImageId, LayerId


@dataclass(frozen=True, slots=True)
class ConsumerAdded:
    """`path` is the consumer's graph root; `found` says how it became known (by hand, storage.conf, …)."""

    kind: ClassVar[str] = "consumer.added"
    schema: ClassVar[int] = 1
    path: str
    runroot: str | None
    found: str

    @property
    def stream(self) -> str:
        return f"consumer/{self.path}"


@dataclass(frozen=True, slots=True)
class ConsumerRemoved:
    kind: ClassVar[str] = "consumer.removed"
    schema: ClassVar[int] = 1
    path: str
    reason: str

    @property
    def stream(self) -> str:
        return f"consumer/{self.path}"


@dataclass(frozen=True, slots=True)
class ConsumerReferenceObserved:
    """Something in the consumer at `path` sits on the owned store: `holder` is `container:<id>`, `image:<id>`, or
    `layer:<id>` for a layer that neither uses; `name` is what people call it. It needs `layer`, and `image` where
    the record of an image of the owned store itself is used.
    """

    kind: ClassVar[str] = "consumer.reference-observed"
    schema: ClassVar[int] = 1
    path: str
    holder: str
    name: str
    layer: LayerId | None
    image: ImageId | None

    @property
    def stream(self) -> str:
        return f"consumer/{self.path}"


@dataclass(frozen=True, slots=True)
class ConsumerReferenceGone:
    """The holder sits on it no longer."""

    kind: ClassVar[str] = "consumer.reference-gone"
    schema: ClassVar[int] = 1
    path: str
    holder: str
    layer: LayerId | None
    image: ImageId | None

    @property
    def stream(self) -> str:
        return f"consumer/{self.path}"
