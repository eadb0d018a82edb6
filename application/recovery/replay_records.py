"""What a replay brought back, as events: a new log is told of it all, the old one, where it goes on, of images only."""

from collections.abc import Iterator

from application.host import Host
from application.inventory import complete
from application.recovery.past import Past
from domain.decisions.replaying import wanted_images
from domain.events.base import Event
from domain.events.codec import decode
from domain.events.consumer import ConsumerAdded
from domain.events.deployment import (
    DeploymentDeployed,
    DeploymentObserved,
    DeploymentPinned,
    DeploymentSealed,
    SealedImage,
)
from domain.events.hold import LeaseGranted, PinSet
from domain.events.image import ImageBound, ImageHealed, ImageObserved, ImagePulled, LayerReferenced
from domain.events.store import CommitFetched, StaterootCreated
from domain.graph import DeploymentNode, ImageNode, OpenOperation
from domain.store_view import StoreView
from domain.values import Digest, ImageId


def rebuilt(host: Host, operation: OpenOperation, past: Past, sources: dict[ImageId, str]) -> list[Event]:
    """Everything of the past that is there now and not in the log yet; `sources`: where images were had from."""
    view = host.store.view()
    there = [name for name in wanted_images(past.graph) if name in view.images and complete(view.images[name], view)]
    healed = {
        event.image
        for entry in host.journal.log.entries(operation.event, kinds=[ImageHealed.kind])
        if isinstance(event := decode(entry), ImageHealed)
    }
    events: list[Event] = []
    for name in there:
        known = name in host.graph.images
        if known and name in healed:
            continue
        events += _image(host, past, past.graph.images[name], view)
        digest = past.graph.images[name].digest
        if digest is not None and (known or name in sources):
            # Where it was had from this time: a backup, say.
            events.append(ImageHealed(name, digest, sources.get(name, ""), view.chain(view.images[name].layer)))
    if host.graph.origin != past.graph.origin:
        events += _beginnings(host, past)
        events += _deployments(host, operation, past, set(there))
        events += _holds(host, past, set(there))
    return events


def _image(host: Host, past: Past, node: ImageNode, view: StoreView) -> Iterator[Event]:
    """As recorded, with the layers' link names of now; every earlier name leads to its layer, too."""
    stored = view.images[node.id]
    layers = view.chain(stored.layer)
    length = sum(view.layers[layer].bytes for layer in layers)
    if node.source and node.digest is not None:
        config = Digest(f"sha256:{node.id}")
        yield ImagePulled(
            node.id, node.digest, node.list_digest, config, stored.names, node.source, layers, length
        )  # fmt: skip
    else:
        yield ImageObserved(node.id, node.digest, stored.names, layers, length, node.managed)
    links = host.store.links(layers)
    for layer in layers:
        record = view.layers[layer]
        now = links.get(layer)
        for link in (*sorted(past.recorded.links.get(layer, set()) - {now or ""}), now):
            yield LayerReferenced(
                layer, node.id, record.parent, record.diff_id, record.compressed_digest, record.bytes, link
            )


def _beginnings(host: Host, past: Past) -> Iterator[Event]:
    kinds = [StaterootCreated.kind, CommitFetched.kind]
    if any(True for _ in host.journal.log.entries(kinds=kinds)):
        return
    yield from (StaterootCreated(stateroot) for stateroot in host.os.stateroots())
    for commit in sorted({node.commit for node in past.graph.deployments.values()}):
        # Where it can be had again should this be replayed, too.
        yield from (CommitFetched(commit, ref, source) for ref, source in reversed(past.fetched.get(commit, [])))


def _deployments(host: Host, operation: OpenOperation, past: Past, there: set[ImageId]) -> Iterator[Event]:
    found = {deployment.id: deployment for deployment in host.os.deployments()}
    order = tuple(found)
    for node in sorted(past.graph.deployments.values(), key=lambda node: node.event):
        if node.id not in found or node.id in host.graph.deployments:
            continue
        has = found[node.id]
        absent = [binding for binding in node.bindings.values() if binding.image not in there]
        if absent or node.sealed_at is None:
            unresolved = tuple(f"{binding.name}: {binding.reference}" for binding in absent) + node.unresolved
            yield DeploymentObserved(
                node.id, node.stateroot, node.commit, node.serial, has.origin, has.kargs, has.pinned, order, unresolved
            )
        else:
            yield DeploymentSealed(operation.id, node.stateroot, node.commit, _sealed(node))
            yield DeploymentDeployed(
                node.id, node.stateroot, node.commit, node.serial, has.origin, has.kargs, operation.id, order
            )
            if has.pinned:
                yield DeploymentPinned(node.id, observed=False)
        for bound in node.bindings.values():
            if bound.image in there:
                yield ImageBound(bound.image, node.id, bound.name, bound.reference, bound.digest, bound.by_hand)


def _sealed(node: DeploymentNode) -> tuple[SealedImage, ...]:
    return tuple(
        SealedImage(bound.name, bound.reference, bound.digest, bound.image)
        for bound in node.bindings.values()
        if bound.digest is not None
    )


def _holds(host: Host, past: Past, there: set[ImageId]) -> Iterator[Event]:
    """Pins and leases that are in force still, and the stores that used this one."""
    now = host.now_us()
    for name, node in past.graph.images.items():
        for hold in node.holds.values():
            if name in there and hold.in_force(now) and hold.key.kind == "pin":
                yield PinSet("image", name, hold.until_us, hold.name)
            elif name in there and hold.in_force(now) and hold.key.kind == "lease" and hold.until_us is not None:
                yield LeaseGranted(hold.key.owner, name, hold.until_us)
    for layer, layer_node in past.graph.layers.items():
        for hold in layer_node.holds.values():
            if hold.key.kind == "pin" and hold.in_force(now):
                yield PinSet("layer", layer, hold.until_us, hold.name)
    for deployment in past.graph.deployments.values():
        if deployment.pin is not None and deployment.pin.in_force(now):
            yield PinSet("deployment", deployment.id, deployment.pin.until_us, deployment.pin.name)
    for consumer in past.graph.consumers.values():
        if consumer.path not in host.graph.consumers:
            yield ConsumerAdded(consumer.path, consumer.runroot, consumer.found)
