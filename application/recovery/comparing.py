"""What is there against what the log recorded, point by point."""

from collections.abc import Iterator
from dataclasses import dataclass

from application.host import Host
from application.inventory import complete
from application.recovery.past import Past
from domain.decisions.replaying import wanted_images
from domain.events.store import Drift
from domain.graph import DeploymentNode, ImageNode
from domain.ports import OsDeployment
from domain.store_view import StoreView

_Point = Drift | None
"""One point that was compared: None where it holds."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """How many points were looked at, and every one that differs."""

    compared: int
    differences: tuple[Drift, ...]


def compare(host: Host, past: Past) -> Comparison:
    """Images by id, digest, layers and names; link names; deployments with all that was recorded; their order."""
    view = host.store.view()
    there = host.os.deployments()
    points = [
        *_images(past, view),
        *_links(host, past, view),
        *_stateroots(host, past),
        *_deployments(past, there, view),
        *_order(past, there),
    ]
    return Comparison(len(points), tuple(point for point in points if point is not None))


def _point(holds: bool, kind: str, target: str, detail: str) -> _Point:
    return None if holds else Drift(kind, target, detail)


def _images(past: Past, view: StoreView) -> Iterator[_Point]:
    for name in wanted_images(past.graph):
        node, stored = past.graph.images[name], view.images.get(name)
        whole = stored is not None and complete(stored, view)
        yield _point(whole, "missing", name, f"image {node.source or ', '.join(node.names)}")
        if stored is not None and whole:
            yield from _image(node, view)
    for name in view.images:
        if name not in past.graph.images:
            yield Drift("foreign", name, "an image that the log did not have")


def _image(node: ImageNode, view: StoreView) -> Iterator[_Point]:
    stored = view.images[node.id]
    if node.digest is not None:
        found = view.by_digest(node.digest)
        yield _point(found is not None, "unbound", node.id, f"the store does not know it by its digest {node.digest}")
    chain = view.chain(stored.layer)
    yield _point(chain == node.layers, "damaged", node.id, f"its layers are {chain}, recorded were {node.layers}")
    yield _point(
        sorted(stored.names) == sorted(node.names), "unbound", node.id,
        f"its names are {list(stored.names)}, recorded were {list(node.names)}",
    )  # fmt: skip


def _links(host: Host, past: Past, view: StoreView) -> Iterator[_Point]:
    links = {layer: past.recorded.links.get(layer, set()) for layer in past.graph.layers if layer in view.layers}
    wrong: dict[str, list[str]] = {}
    for layer, problem in host.store.link_problems(view, links):
        wrong.setdefault(layer, []).append(problem)
    for layer in view.layers:
        yield _point(layer not in wrong, "damaged", layer, "; ".join(wrong.get(layer, [])))


def _stateroots(host: Host, past: Past) -> Iterator[_Point]:
    there = host.os.stateroots() if host.os.is_sysroot() else ()
    for stateroot in {*past.stateroots, *(node.stateroot for node in past.graph.deployments.values())}:
        yield _point(stateroot in there, "missing", stateroot, "a stateroot")


def _deployments(past: Past, there: tuple[OsDeployment, ...], view: StoreView) -> Iterator[_Point]:
    by_id = {deployment.id: deployment for deployment in there}
    for node in past.graph.in_order():
        found = by_id.get(node.id)
        yield _point(found is not None, "missing", node.id, "a deployment")
        if found is not None:
            yield from _deployment(node, found, view)
    for name in by_id:
        if name not in past.graph.deployments:
            yield Drift("foreign", name, "a deployment that the log did not have")


def _deployment(node: DeploymentNode, found: OsDeployment, view: StoreView) -> Iterator[_Point]:
    for what, wanted, has in (
        ("origin", node.origin, found.origin),
        ("kernel arguments", list(node.kargs), list(found.kargs)),
        ("pinned", node.pinned, found.pinned),
    ):
        yield _point(wanted == has, "unbound", node.id, f"{what}: {has!r}, recorded was {wanted!r}")
    for binding in node.bindings.values():
        image = view.images.get(binding.image)
        yield _point(
            image is not None and complete(image, view), "missing", node.id,
            f"{binding.name} binds image {binding.image[:12]} ({binding.reference}), which is not there",
        )  # fmt: skip


def _order(past: Past, there: tuple[OsDeployment, ...]) -> Iterator[_Point]:
    # A deployment that is missing is a point of its own: the others still stand in their order, or not.
    found = [deployment.id for deployment in there if deployment.id in past.graph.deployments]
    wanted = [node.id for node in past.graph.in_order() if node.id in found]
    yield _point(found == wanted, "unbound", "deployments", f"their order is {found}, recorded was {wanted}")
