"""What changed in the reference graph between two of its states."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from domain.graph import ReferenceGraph
from domain.references import best_name


@dataclass(frozen=True, slots=True)
class Change:
    """One thing that is there now and was not (`added`), is not any more (`removed`), or is otherwise (`changed`)."""

    what: Literal["added", "removed", "changed"]
    kind: str
    id: str
    detail: str


def differences(before: ReferenceGraph, after: ReferenceGraph) -> list[Change]:
    """Deployments, their order and bindings, images, layers, holds and consumers, in that order."""
    return [*_deployments(before, after), *_images(before, after), *_layers(before, after), *_consumers(before, after)]


def _deployments(before: ReferenceGraph, after: ReferenceGraph) -> Iterator[Change]:
    for name, node in after.deployments.items():
        if name not in before.deployments:
            yield Change("added", "deployment", name, node.origin)
    for name, node in before.deployments.items():
        if name not in after.deployments:
            yield Change("removed", "deployment", name, node.origin)
    default, was = after.order[:1], before.order[:1]
    if default != was:
        yield Change("changed", "default", default[0] if default else "", f"was {was[0] if was else 'none'}")
    for name in sorted(before.deployments.keys() & after.deployments.keys()):
        old, new = before.deployments[name].bindings, after.deployments[name].bindings
        for file in sorted(old.keys() | new.keys()):
            if file not in old:
                yield Change("added", "binding", name, f"{new[file].reference} = {new[file].image[:12]}")
            elif file not in new:
                yield Change("removed", "binding", name, f"{old[file].reference} = {old[file].image[:12]}")
            elif old[file].image != new[file].image:
                yield Change("changed", "binding", name, f"{file}: {old[file].image[:12]} → {new[file].image[:12]}")


def _images(before: ReferenceGraph, after: ReferenceGraph) -> Iterator[Change]:
    for image, node in after.images.items():
        if image not in before.images:
            yield Change("added", "image", image, best_name(node.names))
        else:
            old = before.images[image]
            if old.names != node.names:
                yield Change("changed", "image", image, f"names {', '.join(old.names)} → {', '.join(node.names)}")
            if bool(old.holds) != bool(node.holds):
                yield Change("changed", "image", image, "held again" if node.holds else "garbage now")
            if old.present != node.present:
                yield Change("changed", "image", image, "there again" if node.present else "missing")
    for image, node in before.images.items():
        if image not in after.images:
            yield Change("removed", "image", image, best_name(node.names))


def _layers(before: ReferenceGraph, after: ReferenceGraph) -> Iterator[Change]:
    for layer in (layer for layer in after.layers if layer not in before.layers):
        yield Change("added", "layer", layer, after.layers[layer].diff_id or "")
    for layer in (layer for layer in before.layers if layer not in after.layers):
        yield Change("removed", "layer", layer, before.layers[layer].diff_id or "")


def _consumers(before: ReferenceGraph, after: ReferenceGraph) -> Iterator[Change]:
    for path in sorted(after.consumers.keys() - before.consumers.keys()):
        yield Change("added", "consumer", path, after.consumers[path].found)
    for path in sorted(before.consumers.keys() - after.consumers.keys()):
        yield Change("removed", "consumer", path, "")
    for path in sorted(before.consumers.keys() & after.consumers.keys()):
        old, new = before.consumer_holds(path), after.consumer_holds(path)
        for holder, layer, image in sorted(new - old, key=str):
            yield Change("added", "reference", path, f"{holder} on {layer or image}")
        for holder, layer, image in sorted(old - new, key=str):
            yield Change("removed", "reference", path, f"{holder} on {layer or image}")
