"""What happened behind storectl's back is recorded as observed, before anything is decided (law 2).

Compares ostree's deployments and the store's images with the graph, and ends what has run out.
"""

from collections.abc import Iterator

from application.consumers import observe_consumers
from application.host import Host
from application.inventory import complete, observed
from domain.events.base import Event
from domain.events.deployment import (
    DeploymentGone,
    DeploymentObserved,
    DeploymentPinned,
    DeploymentsReordered,
    DeploymentUnpinned,
)
from domain.events.hold import LeaseReleased, PinRemoved
from domain.events.image import ImageBound, ImageLost, LayerLost
from domain.graph import ReferenceGraph
from domain.ports import OsDeployment
from domain.quadlets import BoundImage, scan
from domain.store_view import StoredImage, StoreView
from domain.values import DeploymentId


def observe(host: Host) -> int:
    """Record all that differs from the graph, and what ran out; how many events tell of what others did. Calling it
    again records nothing.
    """
    before = host.graph.position
    view = host.store.view()
    host.journal.record(*_images(host, view))
    host.journal.record(*_deployments(host, view))
    for unread in observe_consumers(host, strict=False):
        host.progress(unread)
    by_others = host.graph.position - before
    _end_deployment_pins(host)
    host.journal.record(*expired(host.graph, host.now_us()))
    return by_others


def _images(host: Host, view: StoreView) -> Iterator[Event]:
    for node in host.graph.images.values():
        if node.present and node.id not in view.images:
            yield ImageLost(node.id)
    lost = {node.id for node in host.graph.images.values() if node.id not in view.images}
    for layer in host.graph.layers.values():
        if layer.present and layer.id not in view.layers and (layer.images.keys() & lost or not layer.images):
            yield LayerLost(layer.id)
    for image in view.images.values():
        known = host.graph.images.get(image.id)
        if known is not None and known.present and known.names != image.names:
            # Renamed by somebody else; its layers are what they were.
            yield next(iter(observed(image, view, {}, managed=known.managed)))
        if (known is None or not known.present) and complete(image, view):
            managed = known is not None and known.managed
            yield from observed(image, view, host.store.links(view.chain(image.layer)), managed=managed)


def _deployments(host: Host, view: StoreView) -> Iterator[Event]:
    there = host.os.deployments()
    order = tuple(deployment.id for deployment in there)
    known = host.graph.deployments
    for gone in [name for name in known if name not in order]:
        yield DeploymentGone(gone, order)
    for deployment in there:
        if deployment.id not in known:
            yield from _observed_deployment(host, deployment, order, view)
        elif deployment.pinned != known[deployment.id].pinned:
            kind = DeploymentPinned if deployment.pinned else DeploymentUnpinned
            yield kind(deployment.id, observed=True)
    if set(order) == set(known) and order != host.graph.order:
        yield DeploymentsReordered(order)


def _observed_deployment(
    host: Host, deployment: OsDeployment, order: tuple[DeploymentId, ...], view: StoreView
) -> Iterator[Event]:
    found, problems = scan(host.os.deployed_tree(deployment.id))
    matched = [(item, _match(item, view)) for item in found]
    unresolved = [f"{item.file}: {item.text}" for item, image in matched if image is None]
    yield DeploymentObserved(
        deployment.id, deployment.stateroot, deployment.commit, deployment.serial, deployment.origin,
        deployment.kargs, deployment.pinned, order, (*unresolved, *problems),
    )  # fmt: skip
    for item, image in matched:
        if image is not None:
            yield ImageBound(image.id, deployment.id, item.file, item.text, image.digest, by_hand=False)


def _match(item: BoundImage, view: StoreView) -> StoredImage | None:
    """The image that a bound reference means in the store as it is: by its digest, else by its name."""
    if item.reference.digest is not None:
        return view.by_digest(item.reference.digest)
    return view.by_name(item.reference.name) if item.reference.name else None


def _end_deployment_pins(host: Host) -> None:
    """ostree knows no pin with an end: what storectl pinned there for a time, it unpins there when that is over."""
    for node in host.graph.deployments.values():
        if node.pinned and node.pin is not None and not node.pin.in_force(host.now_us()):
            host.os.pin(node.id, False)
            host.journal.record(DeploymentUnpinned(node.id, observed=False))


def expired(graph: ReferenceGraph, now_us: int) -> Iterator[Event]:
    """Leases and pins whose time has run out."""
    for image in graph.images.values():
        for hold in image.holds.values():
            if not hold.in_force(now_us):
                if hold.key.kind == "lease":
                    yield LeaseReleased(hold.key.owner, image.id, "expired")
                else:
                    yield PinRemoved("image", image.id, "expired")
    for layer in graph.layers.values():
        if any(not hold.in_force(now_us) for hold in layer.holds.values()):
            yield PinRemoved("layer", layer.id, "expired")
    for deployment in graph.deployments.values():
        if deployment.pin is not None and not deployment.pin.in_force(now_us):
            yield PinRemoved("deployment", deployment.id, "expired")
