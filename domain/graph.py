"""The live reference graph: what is in the store, and everything that holds it there.

Roots are deployments, pins, leases in force, operations under way and consumer stores; they hold images, or layers.
An image or a layer that nothing holds is garbage. The graph is identity only: image ids, layer ids, deployment ids.
It is built by `projections.reference_graph` and read by decisions, which must stand at the log's head.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from domain.values import Commit, DeploymentId, Digest, ImageId, LayerId, OperationId, Stateroot

HoldKind = Literal["deployment", "lease", "pin", "operation", "consumer"]


class HoldKey(NamedTuple):
    """What tells one hold from another: `owner` is the deployment, lease, operation or consumer; `name` the rest."""

    kind: HoldKind
    owner: str
    name: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Why something stays. `name` is for people; `event` the position that made it; `until_us` None: for ever."""

    key: HoldKey
    name: str
    event: int
    until_us: int | None = None

    def in_force(self, now_us: int) -> bool:
        return self.until_us is None or self.until_us > now_us


@dataclass(slots=True)
class ImageNode:
    """`free_since` is the position of the event that took the last hold away (None while something holds it)."""

    id: ImageId
    digest: Digest | None
    list_digest: Digest | None
    names: tuple[str, ...]
    source: str
    layers: tuple[LayerId, ...]
    bytes: int
    event: int
    managed: bool = True
    present: bool = True
    free_since: int | None = None
    free_since_us: int | None = None
    holds: dict[HoldKey, Hold] = field(default_factory=dict)


@dataclass(slots=True)
class LayerNode:
    """`images` are the images of this store that consist of it; `holds` what holds it beyond them.

    A layer without images is on its way out, or an image that is not in the log has it as well.
    """

    id: LayerId
    parent: LayerId | None
    diff_id: Digest | None
    compressed_digest: Digest | None
    bytes: int
    link: str | None
    event: int
    present: bool = True
    images: dict[ImageId, int] = field(default_factory=dict)
    holds: dict[HoldKey, Hold] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Binding:
    """One image that a deployment needs; `by_hand` if `storectl bind` said so."""

    name: str
    reference: str
    digest: Digest | None
    image: ImageId
    event: int
    by_hand: bool


@dataclass(slots=True)
class DeploymentNode:
    """`unresolved` are bound references of an observed deployment that no image in the store answered to."""

    id: DeploymentId
    stateroot: Stateroot
    commit: Commit
    serial: int
    origin: str
    kargs: tuple[str, ...]
    event: int
    sealed_at: int | None
    pinned: bool = False
    unresolved: tuple[str, ...] = ()
    bindings: dict[str, Binding] = field(default_factory=dict)
    pin: Hold | None = None


@dataclass(slots=True)
class OpenOperation:
    """Begun and not ended: `images` is what it brought in or sealed, which it holds until it ends."""

    id: OperationId
    command: str
    intent: Mapping[str, object]
    event: int
    begun_us: int
    sealed: int | None = None


@dataclass(slots=True)
class ConsumerNode:
    path: str
    runroot: str | None
    found: str
    event: int


@dataclass(slots=True)
class ReferenceGraph:
    """`position` and `time_us` are those of the last event folded in (0, 0: none yet); `last_backup` and `last_drill`
    are the positions of the last events of that kind (0: never).
    """

    position: int = 0
    time_us: int = 0
    store: str = ""
    origin: str = ""
    images: dict[ImageId, ImageNode] = field(default_factory=dict)
    layers: dict[LayerId, LayerNode] = field(default_factory=dict)
    deployments: dict[DeploymentId, DeploymentNode] = field(default_factory=dict)
    order: tuple[DeploymentId, ...] = ()
    operations: dict[OperationId, OpenOperation] = field(default_factory=dict)
    consumers: dict[str, ConsumerNode] = field(default_factory=dict)
    last_backup: int = 0
    last_drill: int = 0
    # Where to look, so that ending one owner's holds or moving a name does not mean a walk over every node. They may
    # name more than there is (what the nodes say is what is true), never less.
    _held_by: dict[tuple[HoldKind, str], set[str]] = field(default_factory=dict, init=False, repr=False, compare=False)
    _named: dict[str, set[ImageId]] = field(default_factory=dict, init=False, repr=False, compare=False)

    def holds_on_image(self, image: ImageId, now_us: int) -> list[Hold]:
        """What holds the image itself, in the order of the events that made it."""
        holds = (hold for hold in self.images[image].holds.values() if hold.in_force(now_us))
        return sorted(holds, key=lambda hold: hold.event)

    def holds_on_layer(self, layer: LayerId, now_us: int) -> list[Hold]:
        """What holds the layer itself, beyond the images that consist of it."""
        node = self.layers.get(layer)
        return [hold for hold in node.holds.values() if hold.in_force(now_us)] if node else []

    def held_images(self, now_us: int) -> set[ImageId]:
        """Every image that must stay: held itself, or the only carrier of a held layer.

        Where a held layer belongs to no image that is held itself, every image that has it stays: deleting any one
        of them might take the layer along.
        """
        held = {image for image, node in self.images.items() if any(h.in_force(now_us) for h in node.holds.values())}
        covered = {layer for image in held for layer in self.images[image].layers}
        for layer, node in self.layers.items():
            if layer not in covered and any(hold.in_force(now_us) for hold in node.holds.values()):
                held.update(node.images)
        return held

    def held_layers(self, now_us: int) -> set[LayerId]:
        """Every layer that must stay: part of a held image, or held itself."""
        live = {layer for image in self.held_images(now_us) for layer in self.images[image].layers}
        live.update(layer for layer in self.layers if self.holds_on_layer(layer, now_us))
        return live

    def free_since(self, image: ImageId, now_us: int) -> tuple[int | None, int]:
        """Since when nothing holds the image: the event's position (None where a time ran out) and the time, µs."""
        node = self.images[image]
        if node.free_since is not None and node.free_since_us is not None:
            return node.free_since, node.free_since_us
        ends = [hold.until_us for hold in node.holds.values() if hold.until_us is not None]
        return None, max(ends, default=now_us)

    def binders(self, image: ImageId) -> Iterator[tuple[DeploymentNode, Binding]]:
        """Every deployment that binds the image, with each of its bindings to it, in the deployments' order."""
        for deployment in self.in_order():
            for binding in deployment.bindings.values():
                if binding.image == image:
                    yield deployment, binding

    def consumer_holds(self, path: str) -> set[tuple[str, LayerId | None, ImageId | None]]:
        """What a consumer store is known to hold: (holder, layer, None) and (holder, None, image)."""
        found: set[tuple[str, LayerId | None, ImageId | None]] = set()
        for identity in self._held_by.get(("consumer", path), ()):
            for key in self._keys(self.layers.get(LayerId(identity)), "consumer", path):
                found.add((key.name, LayerId(identity), None))
            for key in self._keys(self.images.get(ImageId(identity)), "consumer", path):
                found.add((key.name, None, ImageId(identity)))
        return found

    @staticmethod
    def _keys(node: ImageNode | LayerNode | None, kind: HoldKind, owner: str) -> list[HoldKey]:
        """The holds of one owner on a node."""
        return [key for key in node.holds if key[1] == owner and key[0] == kind] if node is not None else []

    def in_order(self) -> list[DeploymentNode]:
        """The deployments as ostree orders them, the default first."""
        listed = [self.deployments[name] for name in self.order if name in self.deployments]
        return listed + [node for name, node in self.deployments.items() if name not in self.order]

    def image_by_digest(self, digest: Digest) -> ImageNode | None:
        """A present image with this manifest digest."""
        return next((node for node in self.images.values() if node.present and node.digest == digest), None)

    # What follows is for the fold alone: nodes, their holds and their names change here and nowhere else.

    def add_image(self, node: ImageNode) -> None:
        """Put a node there, over one that was."""
        self.images[node.id] = node
        for name in node.names:
            self._named.setdefault(name, set()).add(node.id)
        for key in node.holds:
            self._held_by.setdefault(key[:2], set()).add(node.id)

    def add_layer(self, node: LayerNode) -> None:
        self.layers[node.id] = node
        for key in node.holds:
            self._held_by.setdefault(key[:2], set()).add(node.id)

    def _forget_names(self, node: ImageNode) -> None:
        for name in node.names:
            known = self._named.get(name, set())
            known.discard(node.id)
            if not known:
                self._named.pop(name, None)

    def drop_image(self, image: ImageId) -> None:
        node = self.images.pop(image, None)
        if node is not None:
            self._forget_names(node)

    def name_image(self, image: ImageId, names: tuple[str, ...]) -> None:
        """Give the image these names and no others. containers-storage gives a name to one image only: naming takes
        it from any other.
        """
        for name in names:
            for other in self._named.get(name, set()) - {image}:
                node = self.images.get(other)
                if node is not None:
                    node.names = tuple(each for each in node.names if each not in names)
        node = self.images.get(image)
        if node is not None:
            self._forget_names(node)
            node.names = names
            for name in names:
                self._named[name] = {image}

    def hold_image(self, image: ImageId, hold: Hold) -> None:
        node = self.images.get(image)
        if node is not None:
            node.holds[hold.key] = hold
            node.free_since = node.free_since_us = None
            self._held_by.setdefault(hold.key[:2], set()).add(image)

    def release_image(self, image: ImageId, keys: Iterable[HoldKey], position: int, time_us: int) -> None:
        """Take holds away; the position becomes the image's `free_since` if none is left."""
        node = self.images.get(image)
        if node is None:
            return
        before = len(node.holds)
        for key in keys:
            node.holds.pop(key, None)
        if not node.holds and (before or node.free_since is None):
            node.free_since, node.free_since_us = position, time_us

    def hold_layer(self, layer: LayerId, hold: Hold) -> None:
        node = self.layers.get(layer)
        if node is not None:
            node.holds[hold.key] = hold
            self._held_by.setdefault(hold.key[:2], set()).add(layer)

    def release_layer(self, layer: LayerId, key: HoldKey) -> None:
        node = self.layers.get(layer)
        if node is not None:
            node.holds.pop(key, None)

    def release_owner(self, kind: HoldKind, owner: str, position: int, time_us: int) -> None:
        """Take away all that one deployment, lease, operation or consumer holds."""
        for identity in self._held_by.pop((kind, owner), ()):
            keys = self._keys(self.images.get(ImageId(identity)), kind, owner)
            if keys:
                self.release_image(ImageId(identity), keys, position, time_us)
            for key in self._keys(self.layers.get(LayerId(identity)), kind, owner):
                self.release_layer(LayerId(identity), key)
