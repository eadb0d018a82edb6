"""What may be dropped: exactly what nothing holds at the log's head (law 1), as a plan whose hash binds it."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import msgpack

from domain.graph import Hold, ImageNode, ReferenceGraph
from domain.store_view import StoreView
from domain.values import Digest, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class Victim:
    """An image to go: free since the event at position `since` (None: since a time ran out), at `since_us`."""

    id: ImageId
    names: tuple[str, ...]
    digest: Digest | None
    bytes: int
    since: int | None
    since_us: int


@dataclass(frozen=True, slots=True)
class DoomedLayer:
    """A layer that goes with the last image that has it."""

    id: LayerId
    diff_id: Digest | None
    bytes: int


@dataclass(frozen=True, slots=True)
class Kept:
    """An image that stays, and everything that says so: `deployment:…`, `pin:…`, `lease:…`, `container:…`, …."""

    id: ImageId
    by: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class PrunePlan:
    """`bytes` is what the doomed layers take up; `foreign` are images that storectl did not bring in."""

    plan: str
    position: int
    images: tuple[Victim, ...]
    layers: tuple[DoomedLayer, ...]
    bytes: int
    kept: tuple[Kept, ...]
    foreign: tuple[ImageId, ...]


def plan_prune(
    graph: ReferenceGraph, view: StoreView, now_us: int, *, grace_us: int = 0, consumers: bytes = b""
) -> PrunePlan:
    """The plan for the graph at its position and the store as it is. `consumers` is the state of the consumer stores
    that the plan stands on: it goes into the hash. `grace_us`: only what has been free for that long.
    """
    kept = dict(_kept(graph, view, now_us, grace_us))
    victims = sorted(
        (_victim(graph, node, now_us) for node in graph.images.values() if _is_victim(node, view, kept)),
        key=lambda victim: (victim.since_us, victim.id),
    )
    layers = _doomed(view, {victim.id for victim in victims})
    foreign = tuple(sorted(name for name in view.images if not _is_managed(graph, name)))
    digest = _plan_hash(graph, consumers, victims, layers)
    total = sum(layer.bytes for layer in layers)
    listed = tuple(Kept(image, by) for image, by in sorted(kept.items()))
    return PrunePlan(digest, graph.position, tuple(victims), layers, total, listed, foreign)


def _kept(
    graph: ReferenceGraph, view: StoreView, now_us: int, grace_us: int
) -> Iterable[tuple[ImageId, tuple[str, ...]]]:
    held = graph.held_images(now_us)
    containers = _held_by_containers(view)
    for image, node in graph.images.items():
        reasons = [describe(hold) for hold in graph.holds_on_image(image, now_us)]
        if image in held and not reasons:
            reasons = [describe(hold) for layer in node.layers for hold in graph.holds_on_layer(layer, now_us)]
        reasons += containers.get(image, ())
        free_for = now_us - graph.free_since(image, now_us)[1]
        if not reasons and free_for < grace_us:
            reasons = ["grace"]
        if reasons:
            yield image, tuple(dict.fromkeys(reasons))


def describe(hold: Hold) -> str:
    """One hold in a word, for `by`: `deployment:os-….0`, `lease:…`, `pin:…`, `consumer:/path:container:…`."""
    owner = f"{hold.key.kind}:{hold.key.owner}"
    return f"{owner}:{hold.key.name}" if hold.key.kind == "consumer" else owner


def _held_by_containers(view: StoreView) -> Mapping[ImageId, list[str]]:
    """The store's own containers: their image, and every image that has a layer below theirs."""
    holders: dict[ImageId, list[str]] = {}
    for container in view.containers:
        below = set(view.chain(container.layer))
        name = f"container:{container.names[0] if container.names else container.id}"
        for image in view.images.values():
            if image.id == container.image or (
                container.image not in view.images and below & set(view.chain(image.layer))
            ):
                holders.setdefault(image.id, []).append(name)
    return holders


def _is_victim(node: ImageNode, view: StoreView, kept: Mapping[ImageId, object]) -> bool:
    return node.managed and node.present and node.id in view.images and node.id not in kept


def _is_managed(graph: ReferenceGraph, image: ImageId) -> bool:
    return image in graph.images and graph.images[image].managed


def _victim(graph: ReferenceGraph, node: ImageNode, now_us: int) -> Victim:
    since, since_us = graph.free_since(node.id, now_us)
    return Victim(node.id, node.names, node.digest, node.bytes, since, since_us)


def _doomed(view: StoreView, victims: set[ImageId]) -> tuple[DoomedLayer, ...]:
    going: set[LayerId] = set()
    staying: set[LayerId] = {layer for container in view.containers for layer in view.chain(container.layer)}
    for image in view.images.values():
        layers = going if image.id in victims else staying
        for top in (image.layer, *image.mapped_layers):
            layers.update(view.chain(top))
    return tuple(
        DoomedLayer(layer, view.layers[layer].diff_id, view.layers[layer].bytes) for layer in sorted(going - staying)
    )


def _plan_hash(
    graph: ReferenceGraph, consumers: bytes, victims: Iterable[Victim], layers: Iterable[DoomedLayer]
) -> str:
    images = sorted(victim.id for victim in victims)
    bound = [
        "storectl/plan/1", graph.origin, graph.position, consumers, images, [layer.id for layer in layers],
    ]  # fmt: skip
    return hashlib.sha256(msgpack.packb(bound)).hexdigest()
