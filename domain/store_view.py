"""What a containers-storage instance holds on disk at one moment, as read without the storage library."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from domain.values import Digest, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class StoredLayer:
    """One layer's record. `compressed_digest` and `diff_id` are None where the store does not record them; `bytes` is
    the uncompressed size. `complete` is False for a layer that a killed pull left half-written (the storage library
    deletes it when it opens the store next).
    """

    id: LayerId
    parent: LayerId | None
    diff_id: Digest | None
    compressed_digest: Digest | None
    bytes: int
    complete: bool


@dataclass(frozen=True, slots=True)
class StoredImage:
    """One image's record: `layer` is its top layer (None: an image without layers), `mapped_layers` copies of it for
    user namespaces, `digests` every manifest digest that the store knows it by (`digest` first).
    """

    id: ImageId
    digest: Digest | None
    digests: tuple[Digest, ...]
    names: tuple[str, ...]
    layer: LayerId | None
    mapped_layers: tuple[LayerId, ...]


@dataclass(frozen=True, slots=True)
class StoredContainer:
    """One container's record: `layer` is its writable layer, whose parent is the image's top layer."""

    id: str
    names: tuple[str, ...]
    image: ImageId | None
    layer: LayerId | None


@dataclass(frozen=True, slots=True)
class StoreView:
    """A whole instance. `token` changes whenever images, layers or containers do (last-writer tokens)."""

    images: Mapping[ImageId, StoredImage]
    layers: Mapping[LayerId, StoredLayer]
    containers: tuple[StoredContainer, ...]
    token: bytes

    def chain(self, top: LayerId | None) -> tuple[LayerId, ...]:
        """The layer ids from the base up to `top`, as far as this store has them."""
        return tuple(reversed(list(self._upwards(top))))

    def _upwards(self, layer: LayerId | None) -> Iterator[LayerId]:
        seen: set[LayerId] = set()
        while layer is not None and layer in self.layers and layer not in seen:
            seen.add(layer)
            yield layer
            layer = self.layers[layer].parent

    def used_layers(self) -> set[LayerId]:
        """Every layer that an image or a container of this store consists of."""
        tops = [top for image in self.images.values() for top in (image.layer, *image.mapped_layers)]
        tops += [container.layer for container in self.containers]
        return {layer for top in tops for layer in self.chain(top)}

    def by_name(self, name: str) -> StoredImage | None:
        """The image that carries this very name, as podman spells it (`repo:tag` or `repo@sha256:…`)."""
        return next((image for image in self.images.values() if name in image.names), None)

    def by_digest(self, digest: Digest) -> StoredImage | None:
        """The image that the store knows by this manifest digest."""
        return next((image for image in self.images.values() if digest in image.digests), None)
