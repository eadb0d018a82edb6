"""What would no longer start if something went: the reverse of asking why it stays."""

from dataclasses import dataclass

from domain.graph import HoldKey, ReferenceGraph
from domain.values import DeploymentId, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class Dependent:
    """Something of another store, or a container of this one (`store` empty), that would break."""

    store: str
    holder: str
    name: str


@dataclass(frozen=True, slots=True)
class Impact:
    deployments: tuple[DeploymentId, ...]
    images: tuple[ImageId, ...]
    dependents: tuple[Dependent, ...]


def impact_of_image(graph: ReferenceGraph, image: ImageId) -> Impact:
    """Without the image: its deployments, what uses its record, and whatever sits on layers that only it brings."""
    others = {layer for other, node in graph.images.items() if other != image for layer in node.layers}
    own = [layer for layer in graph.images[image].layers if layer not in others]
    found = [_dependent(key, hold.name) for key, hold in graph.images[image].holds.items() if key.kind == "consumer"]
    found += [each for layer in own for each in _sitting_on(graph, layer)]
    return Impact(_deployments(graph, {image}), (image,), tuple(dict.fromkeys(found)))


def impact_of_layer(graph: ReferenceGraph, layer: LayerId) -> Impact:
    """Without the layer: every image that has it, with all that needs those; and what sits on it or above it."""
    images = tuple(graph.layers[layer].images)
    found = [each for above in _above(graph, layer) for each in _sitting_on(graph, above)]
    for image in images:
        holds = graph.images[image].holds if image in graph.images else {}
        found += [_dependent(key, hold.name) for key, hold in holds.items() if key.kind == "consumer"]
    return Impact(_deployments(graph, set(images)), images, tuple(dict.fromkeys(found)))


def impact_of_deployment(deployment: DeploymentId) -> Impact:
    """A deployment holds; nothing but itself needs it."""
    return Impact((deployment,), (), ())


def _deployments(graph: ReferenceGraph, images: set[ImageId]) -> tuple[DeploymentId, ...]:
    return tuple(node.id for node in graph.in_order() if any(b.image in images for b in node.bindings.values()))


def _above(graph: ReferenceGraph, layer: LayerId) -> list[LayerId]:
    """The layer and every one that has it somewhere below."""
    found = [layer]
    for each in found:
        found += [node.id for node in graph.layers.values() if node.parent == each]
    return found


def _sitting_on(graph: ReferenceGraph, layer: LayerId) -> list[Dependent]:
    holds = graph.layers[layer].holds if layer in graph.layers else {}
    return [_dependent(key, hold.name) for key, hold in holds.items() if key.kind == "consumer"]


def _dependent(key: HoldKey, name: str) -> Dependent:
    return Dependent(key.owner, key.name, name)
