"""What is there, as rows: images, layers, deployments and open operations, in the shapes that JSON promises."""

from collections.abc import Mapping
from typing import Any

from domain.graph import DeploymentNode, ImageNode, LayerNode, OpenOperation, ReferenceGraph
from domain.ports import OsDeployment
from domain.times import format_time
from domain.values import DeploymentId

Row = dict[str, Any]
"""JSON values under public names."""


def images(graph: ReferenceGraph, now_us: int) -> list[Row]:
    """Every image in the graph, largest history first: the order in which they came."""
    return [image(graph, node, now_us) for node in sorted(graph.images.values(), key=lambda node: node.event)]


def image(graph: ReferenceGraph, node: ImageNode, now_us: int) -> Row:
    """One image; `used_by` names what holds it."""
    used_by = [f"{hold.key.kind}:{hold.key.owner}" for hold in graph.holds_on_image(node.id, now_us)]
    return {
        "id": node.id, "digest": node.digest, "names": list(node.names), "bytes": node.bytes,
        "layers": list(node.layers), "used_by": list(dict.fromkeys(used_by)),
        "state": "present" if node.present else "missing", "managed": node.managed, "event": node.event,
    }  # fmt: skip


def layers(graph: ReferenceGraph) -> list[Row]:
    """Every layer in the graph, in the order in which they came."""
    return [layer(node) for node in sorted(graph.layers.values(), key=lambda node: node.event)]


def layer(node: LayerNode) -> Row:
    """One layer; `images` are those that consist of it."""
    return {
        "id": node.id, "parent": node.parent, "diff_id": node.diff_id, "compressed_digest": node.compressed_digest,
        "bytes": node.bytes, "link": node.link, "images": list(node.images), "event": node.event,
    }  # fmt: skip


def deployments(graph: ReferenceGraph, there: Mapping[DeploymentId, OsDeployment]) -> list[Row]:
    """The deployments in the log's order; `there` adds what only the running system knows: booted and staged."""
    return [_deployment(node, index, graph, there.get(node.id)) for index, node in enumerate(graph.in_order())]


def _deployment(node: DeploymentNode, index: int, graph: ReferenceGraph, there: OsDeployment | None) -> Row:
    bound = [
        {"name": b.name, "image": b.reference, "digest": b.digest, "image_id": b.image} for b in node.bindings.values()
    ]
    return {
        "id": node.id, "index": index, "commit": node.commit, "stateroot": node.stateroot,
        "booted": there is not None and there.booted, "pinned": node.pinned or node.pin is not None,
        "staged": there is not None and there.staged, "rollback": node is rollback_of(graph),
        "origin": node.origin, "kargs": list(node.kargs), "bound_images": bound,
        "unresolved": list(node.unresolved), "sealed_at": node.sealed_at,
    }  # fmt: skip


def rollback_of(graph: ReferenceGraph) -> DeploymentNode | None:
    """What 'rollback' leads to: the deployment after the default."""
    order = graph.in_order()
    return order[1] if len(order) > 1 else None


def operation(node: OpenOperation) -> Row:
    """One open operation."""
    return {"id": node.id, "command": node.command, "since": format_time(node.begun_us), "event": node.event}
