"""Why something is there: every path from a root down to an image or a layer, each step with the event that made it."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.graph import Binding, DeploymentNode, Hold, ImageNode, ReferenceGraph
from domain.references import best_name
from domain.values import DeploymentId, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class Node:
    """One step: `event` is the position of the event that made this step true."""

    kind: str
    id: str
    name: str
    event: int


Path = tuple[Node, ...]


def paths_to_image(graph: ReferenceGraph, image: ImageId, now_us: int) -> list[Path]:
    """All paths from roots to the image, through its own holds and through held layers of its."""
    node = graph.images[image]
    paths = [(*_root(graph, hold), _image(node)) for hold in graph.holds_on_image(image, now_us)]
    for layer in node.layers:
        for hold in graph.holds_on_layer(layer, now_us):
            paths.append((*_root(graph, hold), _layer(graph, layer, image), _image(node)))
    return paths


def paths_to_layer(graph: ReferenceGraph, layer: LayerId, now_us: int) -> list[Path]:
    """All paths from roots to the layer: through every image that has it, and what holds the layer itself."""
    node = graph.layers[layer]
    paths: list[Path] = []
    for image in node.images:
        for hold in graph.holds_on_image(image, now_us):
            paths.append((*_root(graph, hold), _image(graph.images[image]), _layer(graph, layer, image)))
    for hold in graph.holds_on_layer(layer, now_us):
        paths.append((*_root(graph, hold), _layer(graph, layer, None)))
    return paths


def paths_to_deployment(graph: ReferenceGraph, deployment: str) -> list[Path]:
    """A deployment is a root: it is there because it was deployed, or is pinned."""
    node = graph.deployments[DeploymentId(deployment)]
    return [(Node("deployment", node.id, node.origin, node.event),)]


def _root(graph: ReferenceGraph, hold: Hold) -> Iterator[Node]:
    key = hold.key
    if key.kind == "deployment":
        deployment = next(node for name, node in graph.deployments.items() if name == key.owner)
        yield from _through_binding(deployment, deployment.bindings[key.name])
    elif key.kind == "consumer":
        consumer = graph.consumers.get(key.owner)
        if consumer is not None:  # else a container of the owned store itself
            yield Node("consumer", consumer.path, consumer.path, consumer.event)
        kind, _, identity = key.name.partition(":")
        yield Node(kind, identity, hold.name, hold.event)
    else:
        yield Node(key.kind, key.owner, hold.name, hold.event)


def _through_binding(deployment: DeploymentNode, binding: Binding) -> Iterator[Node]:
    yield Node("deployment", deployment.id, deployment.origin, deployment.event)
    yield Node("bound-image", binding.name, binding.reference, binding.event)


def _image(node: ImageNode) -> Node:
    return Node("image", node.id, best_name(node.names) or node.source, node.event)


def _layer(graph: ReferenceGraph, layer: LayerId, image: ImageId | None) -> Node:
    node = graph.layers[layer]
    event = node.images.get(image, node.event) if image is not None else node.event
    return Node("layer", layer, node.diff_id or "", event)
