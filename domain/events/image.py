"""Events of images and of the layers that they consist of."""

from dataclasses import dataclass
from typing import ClassVar

from domain.values import DeploymentId, Digest, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class ImagePulled:
    """An image is in the store because storectl brought it in. `layers` from the base up; `bytes` uncompressed;
    `source` is what was asked for, `digest` what it meant at that moment.
    """

    kind: ClassVar[str] = "image.pulled"
    schema: ClassVar[int] = 1
    image: ImageId
    digest: Digest
    list_digest: Digest | None
    config_digest: Digest
    names: tuple[str, ...]
    source: str
    layers: tuple[LayerId, ...]
    bytes: int

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageObserved:
    """An image was found in the store that storectl did not bring in; `managed` once it was taken over."""

    kind: ClassVar[str] = "image.observed"
    schema: ClassVar[int] = 1
    image: ImageId
    digest: Digest | None
    names: tuple[str, ...]
    layers: tuple[LayerId, ...]
    bytes: int
    managed: bool

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageNamed:
    """The image's names are now these, because storectl named it."""

    kind: ClassVar[str] = "image.named"
    schema: ClassVar[int] = 1
    image: ImageId
    names: tuple[str, ...]

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageBound:
    """A deployment needs the image: `name` is the bound-images.d file (or the name given to `bind`), `reference` what
    is written there, `digest` what it was resolved to. `by_hand` for `storectl bind`.
    """

    kind: ClassVar[str] = "image.bound"
    schema: ClassVar[int] = 1
    image: ImageId
    deployment: DeploymentId
    name: str
    reference: str
    digest: Digest | None
    by_hand: bool

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageUnbound:
    kind: ClassVar[str] = "image.unbound"
    schema: ClassVar[int] = 1
    image: ImageId
    deployment: DeploymentId
    name: str

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImagePruned:
    """Garbage collection removed the image; it was there before and is not there now."""

    kind: ClassVar[str] = "image.pruned"
    schema: ClassVar[int] = 1
    image: ImageId
    digest: Digest | None
    names: tuple[str, ...]
    bytes: int

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageLost:
    """The image was not where the log says it is: somebody else removed it."""

    kind: ClassVar[str] = "image.lost"
    schema: ClassVar[int] = 1
    image: ImageId

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class ImageHealed:
    """The image is whole again; `source` is where it was had from. Its layers' link names lead to it as before."""

    kind: ClassVar[str] = "image.healed"
    schema: ClassVar[int] = 1
    image: ImageId
    digest: Digest
    source: str
    layers: tuple[LayerId, ...]

    @property
    def stream(self) -> str:
        return f"image/{self.image}"


@dataclass(frozen=True, slots=True)
class LayerReferenced:
    """An image uses the layer. Holds all that is needed to bring the layer back as it was, link name included."""

    kind: ClassVar[str] = "layer.referenced"
    schema: ClassVar[int] = 1
    layer: LayerId
    image: ImageId
    parent: LayerId | None
    diff_id: Digest | None
    compressed_digest: Digest | None
    bytes: int
    link: str | None

    @property
    def stream(self) -> str:
        return f"layer/{self.layer}"


@dataclass(frozen=True, slots=True)
class LayerReleased:
    """The image does not use the layer any more, since the image is gone."""

    kind: ClassVar[str] = "layer.released"
    schema: ClassVar[int] = 1
    layer: LayerId
    image: ImageId

    @property
    def stream(self) -> str:
        return f"layer/{self.layer}"


@dataclass(frozen=True, slots=True)
class LayerLost:
    """The layer was not where the log says it is: somebody else removed it."""

    kind: ClassVar[str] = "layer.lost"
    schema: ClassVar[int] = 1
    layer: LayerId

    @property
    def stream(self) -> str:
        return f"layer/{self.layer}"


@dataclass(frozen=True, slots=True)
class LayerPruned:
    """The layer went with the last image that used it; it was there before and is not there now."""

    kind: ClassVar[str] = "layer.pruned"
    schema: ClassVar[int] = 1
    layer: LayerId
    diff_id: Digest | None
    bytes: int

    @property
    def stream(self) -> str:
        return f"layer/{self.layer}"
