"""The reference graph as a picture: nodes and edges, in Graphviz's dot and in mermaid."""

from collections.abc import Iterator
from dataclasses import dataclass

from domain.graph import HoldKey, ReferenceGraph
from domain.references import best_name
from domain.values import short


@dataclass(frozen=True, slots=True)
class Node:
    """`live` is False for garbage."""

    id: str
    kind: str
    name: str
    live: bool


@dataclass(frozen=True, slots=True)
class Edge:
    source: str
    target: str
    kind: str
    event: int


def nodes(graph: ReferenceGraph, now_us: int) -> Iterator[Node]:
    """Every root, image and layer; deployments first, layers last."""
    for deployment in graph.in_order():
        yield Node(f"deployment:{deployment.id}", "deployment", short(deployment.id, 8), live=True)
    for owner, kind, name in dict.fromkeys(_other_roots(graph, now_us)):
        yield Node(owner, kind, name, live=True)
    held, live_layers = graph.held_images(now_us), graph.held_layers(now_us)
    for image in graph.images.values():
        yield Node(f"image:{image.id}", "image", best_name(image.names) or short(image.id), image.id in held)
    for layer in graph.layers.values():
        yield Node(f"layer:{layer.id}", "layer", short(layer.id), layer.id in live_layers)


def edges(graph: ReferenceGraph, now_us: int) -> Iterator[Edge]:
    """What holds what; an image's edges lead to each of its layers."""
    for image in graph.images.values():
        for hold in graph.holds_on_image(image.id, now_us):
            yield Edge(_owner(hold.key), f"image:{image.id}", hold.key.kind, hold.event)
        for layer in image.layers:
            node = graph.layers.get(layer)
            yield Edge(f"image:{image.id}", f"layer:{layer}", "layer", node.images.get(image.id, 0) if node else 0)
    for layer in graph.layers:
        for hold in graph.holds_on_layer(layer, now_us):
            yield Edge(_owner(hold.key), f"layer:{layer}", hold.key.kind, hold.event)


def as_dot(graph: ReferenceGraph, now_us: int) -> str:
    """A digraph for Graphviz; garbage is dashed."""
    lines = ["digraph store {", "  rankdir=LR;", '  node [shape=box, fontname="sans-serif"];']
    for node in nodes(graph, now_us):
        style = "" if node.live else ", style=dashed"
        lines.append(f"  {_quoted(node.id)} [label={_quoted(node.kind + chr(10) + node.name)}{style}];")
    for edge in edges(graph, now_us):
        lines.append(f"  {_quoted(edge.source)} -> {_quoted(edge.target)};")
    return "\n".join([*lines, "}"])


def as_mermaid(graph: ReferenceGraph, now_us: int) -> str:
    """A flowchart for mermaid; garbage is dashed."""
    listed = list(nodes(graph, now_us))
    numbers = {node.id: f"n{number}" for number, node in enumerate(listed)}
    lines = ["flowchart LR"]
    for node in listed:
        label = f"{node.kind}<br/>{_escaped(node.name)}"
        lines.append(f'  {numbers[node.id]}["{label}"]' + ("" if node.live else ":::garbage"))
    lines += [f"  {numbers[e.source]} --> {numbers[e.target]}" for e in edges(graph, now_us) if e.target in numbers]
    return "\n".join([*lines, "  classDef garbage stroke-dasharray: 4 4"])


def _other_roots(graph: ReferenceGraph, now_us: int) -> Iterator[tuple[str, str, str]]:
    holds = [hold for image in graph.images for hold in graph.holds_on_image(image, now_us)]
    holds += [hold for layer in graph.layers for hold in graph.holds_on_layer(layer, now_us)]
    for hold in holds:
        if hold.key.kind != "deployment":
            yield _owner(hold.key), hold.key.kind, hold.name or short(hold.key.owner)


def _owner(key: HoldKey) -> str:
    return f"{key.kind}:{key.owner}" + (f":{key.name}" if key.kind == "consumer" else "")


def _quoted(text: str) -> str:
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace('"', "&quot;").replace("<", "&lt;").replace(">", "&gt;")
