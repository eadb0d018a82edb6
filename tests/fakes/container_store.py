"""A registry and a container store in memory, with ids as containers-storage makes them."""

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field, replace
from pathlib import Path

from domain.errors import ImageUnavailable, Refused
from domain.ports import Blob, FreeSpace, Progress, RegistryOptions, ResolvedImage
from domain.references import ImageReference, ImageSource
from domain.store_view import StoredContainer, StoredImage, StoredLayer, StoreView
from domain.values import Digest, ImageId, LayerId


def digest(data: bytes) -> Digest:
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


@dataclass(frozen=True)
class FakeImage:
    """`layers` are contents, base first."""

    layers: tuple[bytes, ...]
    label: str = ""

    @property
    def diff_ids(self) -> tuple[Digest, ...]:
        return tuple(digest(layer) for layer in self.layers)

    @property
    def config(self) -> Digest:
        return digest(json.dumps([self.label, *self.diff_ids]).encode())

    @property
    def digest(self) -> Digest:
        return digest(b"manifest" + self.config.encode())

    @property
    def blobs(self) -> tuple[Blob, ...]:
        return tuple(Blob(digest(b"gzip" + layer), len(layer)) for layer in self.layers)


@dataclass
class FakeRegistry:
    """What is pushed under which name; `broken` repositories answer a look-up and then fail to deliver."""

    tags: dict[str, FakeImage] = field(default_factory=dict)
    images: dict[tuple[str, Digest], FakeImage] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)

    def push(self, name: str, *layers: bytes, label: str = "") -> FakeImage:
        image = FakeImage(layers, label)
        self.tags[name] = image
        self.images[name.rpartition(":")[0], image.digest] = image
        return image

    def find(self, source: ImageSource) -> FakeImage | None:
        if not isinstance(source, ImageReference):
            return None
        if source.digest is not None:
            return self.images.get((source.repository, source.digest))
        return self.tags.get(str(source))


@dataclass(frozen=True)
class FakeSource:
    """Implements `domain.ports.ImageSourcePort`."""

    registry: FakeRegistry

    def resolve(self, source: ImageSource, registry: RegistryOptions) -> ResolvedImage:
        image = self.registry.find(source)
        if image is None:
            raise ImageUnavailable(f"{source}: manifest unknown")
        return ResolvedImage(source, image.digest, None, image.config, image.blobs)


@dataclass
class FakeStore:
    """Implements `domain.ports.ContainerStore`. `containers` and `damaged` are for a test to set."""

    registry: FakeRegistry
    path: Path = Path("/sysroot/ostree/bootc/storage")
    containers: list[StoredContainer] = field(default_factory=list)
    damaged: set[LayerId] = field(default_factory=set)
    pulls: list[Digest] = field(default_factory=list)
    free: int = 1 << 40
    _made: bool = False
    _images: dict[ImageId, StoredImage] = field(default_factory=dict)
    _layers: dict[LayerId, StoredLayer] = field(default_factory=dict)
    _links: dict[LayerId, set[str]] = field(default_factory=dict)
    _changes: int = 0

    def exists(self) -> bool:
        return self._made

    def create(self) -> None:
        self._made = True

    def view(self) -> StoreView:
        token = str(self._changes).encode()
        return StoreView(dict(self._images), dict(self._layers), tuple(self.containers), token)

    def links(self, layers: Iterable[LayerId]) -> Mapping[LayerId, str]:
        return {layer: max(self._links[layer]) for layer in layers if layer in self._links}

    def pull(self, image: ResolvedImage, registry: RegistryOptions, progress: Progress) -> ImageId:
        source = image.source
        pulled = source.at(image.digest) if isinstance(source, ImageReference) else source
        found = self.registry.find(pulled)
        if found is None or (isinstance(source, ImageReference) and source.repository in self.registry.broken):
            raise ImageUnavailable(f"{source}: cannot be fetched")
        identity = ImageId(found.config.removeprefix("sha256:"))
        if identity not in self._images:
            self._changes += 1
            self.pulls.append(found.digest)
            self._images[identity] = self._stored(identity, found, str(pulled))
        return identity

    def _stored(self, identity: ImageId, image: FakeImage, name: str) -> StoredImage:
        parent: LayerId | None = None
        for diff_id, blob, content in zip(image.diff_ids, image.blobs, image.layers, strict=True):
            hexes = diff_id.removeprefix("sha256:")
            below = f"{parent}+{hexes}"
            layer = LayerId(hexes if parent is None else hashlib.sha256(below.encode()).hexdigest())
            if layer not in self._layers:
                self._layers[layer] = StoredLayer(layer, parent, diff_id, blob.digest, len(content), True)
                # Random in the library: another one each time that the layer comes.
                self._links[layer] = {hashlib.sha256(f"{layer}{self._changes}".encode()).hexdigest()[:26].upper()}
            parent = layer
        return StoredImage(identity, image.digest, (image.digest,), (name,), parent, ())

    def label(self) -> int:
        return 0

    def room(self) -> tuple[FreeSpace, FreeSpace]:
        return FreeSpace("/sysroot", "the container store", self.free, self.free), FreeSpace(
            "/var/tmp", "temporary files", self.free, self.free
        )

    def sync(self) -> None:
        pass

    def tag(self, image: ImageId, name: str) -> None:
        self._changes += 1
        for other, stored in self._images.items():
            names = tuple(each for each in stored.names if each != name)
            self._images[other] = replace(stored, names=(*names, name) if other == image else names)

    def untag(self, image: ImageId, names: Sequence[str]) -> None:
        self._changes += 1
        stored = self._images[image]
        self._images[image] = replace(stored, names=tuple(each for each in stored.names if each not in names))

    def put_names(self, names: Mapping[ImageId, Sequence[str]]) -> None:
        self._changes += 1
        taken = {name for each in names.values() for name in each}
        for image, stored in self._images.items():
            kept = tuple(name for name in stored.names if name not in taken)
            self._images[image] = replace(stored, names=tuple(names.get(image, kept)))

    def delete(self, image: ImageId) -> None:
        if image not in self._images:
            return
        if any(container.image == image for container in self.containers):
            raise Refused(f"image {image[:12]} is in use by a container")
        self._changes += 1
        del self._images[image]
        view = self.view()
        used = {layer for stored in self._images.values() for layer in view.chain(stored.layer)}
        for layer in set(self._layers) - used:
            del self._layers[layer]
            del self._links[layer]

    def delete_all(self, images: Sequence[ImageId]) -> None:
        for image in images:
            self.delete(image)

    def record_problems(self, image: StoredImage) -> list[str]:
        return []

    def content_digest(self, layer: LayerId) -> Digest:
        return digest(b"damaged") if layer in self.damaged else self._layers[layer].diff_id or Digest("")

    def with_files(self, layers: Iterable[LayerId]) -> Set[LayerId]:
        return set(layers) & set(self._layers)

    def link_problems(self, view: StoreView, links: Mapping[LayerId, Set[str]]) -> list[tuple[LayerId, str]]:
        return [
            (layer, "a name does not lead to it")
            for layer in view.layers
            if links.get(layer, set()) - self._links[layer]
        ]

    def restore_links(self, links: Mapping[LayerId, Set[str]]) -> None:
        for layer, names in links.items():
            if layer in self._links:
                self._links[layer] |= names

    def sweep(self) -> None:
        pass

    def replace_damaged(
        self, image: ResolvedImage, layers: Sequence[LayerId], registry: RegistryOptions, progress: Progress
    ) -> Path:
        if self.registry.find(image.source) is None:
            raise ImageUnavailable(f"{image.source}: cannot be fetched")
        self.damaged -= set(layers)
        return self.path.with_name("quarantine")
