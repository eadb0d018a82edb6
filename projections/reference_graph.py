"""The reference graph as a fold: one function an event kind, none of which can fail on a log that verifies."""

from collections.abc import Callable, Iterable
from typing import Any

from domain.events import audit, checkpoint, consumer, deployment, hold, image, key, operation, prune, recovery, store
from domain.events.base import Event
from domain.events.codec import decode
from domain.graph import (
    Binding,
    ConsumerNode,
    DeploymentNode,
    Hold,
    HoldKey,
    ImageNode,
    LayerNode,
    OpenOperation,
    ReferenceGraph,
)
from domain.ledger.entry import Entry
from domain.values import DeploymentId, ImageId, LayerId, OperationId


def fold(graph: ReferenceGraph, entries: Iterable[Entry], decode: Callable[[Entry], Event] = decode) -> ReferenceGraph:
    """The graph after the entries, which must follow on its position. Changes and returns the graph given.

    `decode`: events.codec's, or events.bulk's for a long history. An entry that does not follow on the graph's position
    is a mistake of the caller.
    """
    for entry in entries:
        event = decode(entry)
        if entry.index != graph.position:
            raise AssertionError(f"event {entry.position} does not follow on position {graph.position}")
        graph.position = entry.index + 1
        graph.time_us = entry.time_us
        _APPLY[type(event)](graph, entry, event)
    return graph


def _store_initialised(graph: ReferenceGraph, entry: Entry, event: store.StoreInitialised) -> None:
    graph.store, graph.origin = event.store, event.origin


def _nothing(graph: ReferenceGraph, entry: Entry, event: Event) -> None:
    """A fact that history tells and the graph does not depend on."""


def _recovery_proved(graph: ReferenceGraph, entry: Entry, event: recovery.BackupWritten | recovery.DrillHeld) -> None:
    if isinstance(event, recovery.BackupWritten):
        graph.last_backup = entry.position
    else:
        graph.last_drill = entry.position


def _operation_begun(graph: ReferenceGraph, entry: Entry, event: operation.OperationBegun) -> None:
    graph.operations[event.operation] = OpenOperation(
        event.operation, event.command, event.intent, entry.position, entry.time_us
    )


def _operation_ended(
    graph: ReferenceGraph,
    entry: Entry,
    event: operation.OperationCompleted | operation.OperationFailed | operation.OperationAborted,
) -> None:
    graph.operations.pop(event.operation, None)
    graph.release_owner("operation", event.operation, entry.position, entry.time_us)
    # What was there before the operation it held by a lease under its own id.
    graph.release_owner("lease", event.operation, entry.position, entry.time_us)


def _image_pulled(graph: ReferenceGraph, entry: Entry, event: image.ImagePulled) -> None:
    _add_image(
        graph,
        entry,
        ImageNode(
            event.image, event.digest, event.list_digest, event.names, event.source, event.layers, event.bytes,
            entry.position,
        ),
    )  # fmt: skip


def _image_observed(graph: ReferenceGraph, entry: Entry, event: image.ImageObserved) -> None:
    _add_image(
        graph,
        entry,
        ImageNode(
            event.image, event.digest, None, event.names, "", event.layers, event.bytes, entry.position,
            managed=event.managed,
        ),
    )  # fmt: skip


def _add_image(graph: ReferenceGraph, entry: Entry, node: ImageNode) -> None:
    known = graph.images.get(node.id)
    if known is not None:
        node.holds, node.free_since, node.free_since_us = known.holds, known.free_since, known.free_since_us
        node.managed = node.managed or known.managed
    graph.add_image(node)
    if entry.operation in graph.operations:
        _operation_holds(graph, entry, node.id, OperationId(entry.operation))
    elif not node.holds and node.free_since is None:
        node.free_since, node.free_since_us = entry.position, entry.time_us


def _operation_holds(graph: ReferenceGraph, entry: Entry, held: ImageId, owner: OperationId) -> None:
    command = graph.operations[owner].command
    graph.hold_image(held, Hold(HoldKey("operation", owner, ""), command, entry.position))


def _image_named(graph: ReferenceGraph, entry: Entry, event: image.ImageNamed) -> None:
    graph.name_image(event.image, event.names)


def _image_bound(graph: ReferenceGraph, entry: Entry, event: image.ImageBound) -> None:
    owner = graph.deployments.get(event.deployment)
    if owner is None:
        return
    old = owner.bindings.get(event.name)
    key = HoldKey("deployment", event.deployment, event.name)
    if old is not None and old.image != event.image:
        graph.release_image(old.image, [key], entry.position, entry.time_us)
    owner.bindings[event.name] = Binding(
        event.name, event.reference, event.digest, event.image, entry.position, event.by_hand
    )
    graph.hold_image(event.image, Hold(key, event.name, entry.position))
    if owner.unresolved:
        owner.unresolved = tuple(text for text in owner.unresolved if not text.startswith(f"{event.name}: "))


def _image_unbound(graph: ReferenceGraph, entry: Entry, event: image.ImageUnbound) -> None:
    owner = graph.deployments.get(event.deployment)
    if owner is not None:
        owner.bindings.pop(event.name, None)
    key = HoldKey("deployment", event.deployment, event.name)
    graph.release_image(event.image, [key], entry.position, entry.time_us)


def _image_pruned(graph: ReferenceGraph, entry: Entry, event: image.ImagePruned) -> None:
    graph.drop_image(event.image)


def _image_lost(graph: ReferenceGraph, entry: Entry, event: image.ImageLost) -> None:
    node = graph.images.get(event.image)
    if node is None:
        return
    # What something needs stays in the graph as missing, so that it is reported and can be had again.
    if node.holds:
        node.present = False
        return
    for layer in node.layers:
        _drop_user(graph, layer, event.image)
    graph.drop_image(event.image)


def _image_healed(graph: ReferenceGraph, entry: Entry, event: image.ImageHealed) -> None:
    node = graph.images.get(event.image)
    if node is not None:
        node.present = True
    for layer in event.layers:
        if layer in graph.layers:
            graph.layers[layer].present = True


def _layer_referenced(graph: ReferenceGraph, entry: Entry, event: image.LayerReferenced) -> None:
    known = graph.layers.get(event.layer)
    node = LayerNode(
        event.layer, event.parent, event.diff_id, event.compressed_digest, event.bytes, event.link,
        known.event if known else entry.position,
    )  # fmt: skip
    if known is not None:
        node.images, node.holds = known.images, known.holds
    node.images[event.image] = entry.position
    graph.add_layer(node)


def _layer_released(graph: ReferenceGraph, entry: Entry, event: image.LayerReleased) -> None:
    _drop_user(graph, event.layer, event.image)


def _drop_user(graph: ReferenceGraph, layer: LayerId, user: ImageId) -> None:
    node = graph.layers.get(layer)
    if node is not None:
        node.images.pop(user, None)


def _layer_lost(graph: ReferenceGraph, entry: Entry, event: image.LayerLost) -> None:
    node = graph.layers.get(event.layer)
    if node is None:
        return
    # As with images: what something needs stays in the graph as missing.
    if node.images or node.holds:
        node.present = False
    else:
        del graph.layers[event.layer]


def _layer_pruned(graph: ReferenceGraph, entry: Entry, event: image.LayerPruned) -> None:
    graph.layers.pop(event.layer, None)


def _deployment_sealed(graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentSealed) -> None:
    under_way = graph.operations.get(event.operation)
    if under_way is None:
        return
    under_way.sealed = entry.position
    for member in event.images:
        _operation_holds(graph, entry, member.image, event.operation)


def _deployment_deployed(graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentDeployed) -> None:
    under_way = graph.operations.get(event.sealed_by)
    graph.deployments[event.deployment] = DeploymentNode(
        event.deployment, event.stateroot, event.commit, event.serial, event.origin, event.kargs, entry.position,
        under_way.sealed if under_way else None,
    )  # fmt: skip
    graph.order = event.order


def _deployment_observed(graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentObserved) -> None:
    graph.deployments[event.deployment] = DeploymentNode(
        event.deployment, event.stateroot, event.commit, event.serial, event.origin, event.kargs, entry.position,
        None, event.pinned, event.unresolved,
    )  # fmt: skip
    graph.order = event.order


def _deployment_removed(
    graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentRemoved | deployment.DeploymentGone
) -> None:
    graph.deployments.pop(event.deployment, None)
    graph.order = event.order
    graph.release_owner("deployment", event.deployment, entry.position, entry.time_us)


def _reordered(
    graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentRolledBack | deployment.DeploymentsReordered
) -> None:
    graph.order = event.order


def _deployment_pinned(graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentPinned) -> None:
    if event.deployment in graph.deployments:
        graph.deployments[event.deployment].pinned = True


def _deployment_unpinned(graph: ReferenceGraph, entry: Entry, event: deployment.DeploymentUnpinned) -> None:
    if event.deployment in graph.deployments:
        graph.deployments[event.deployment].pinned = False


def _lease_granted(graph: ReferenceGraph, entry: Entry, event: hold.LeaseGranted) -> None:
    key = HoldKey("lease", event.lease, "")
    graph.hold_image(event.image, Hold(key, "lease", entry.position, event.until_us))


def _lease_released(graph: ReferenceGraph, entry: Entry, event: hold.LeaseReleased) -> None:
    graph.release_image(event.image, [HoldKey("lease", event.lease, "")], entry.position, entry.time_us)


def _pin_set(graph: ReferenceGraph, entry: Entry, event: hold.PinSet) -> None:
    made = Hold(HoldKey("pin", event.target, ""), event.reason, entry.position, event.until_us)
    if event.target_kind == "image":
        graph.hold_image(ImageId(event.target), made)
    elif event.target_kind == "layer":
        graph.hold_layer(LayerId(event.target), made)
    elif event.target_kind == "deployment" and DeploymentId(event.target) in graph.deployments:
        graph.deployments[DeploymentId(event.target)].pin = made


def _pin_removed(graph: ReferenceGraph, entry: Entry, event: hold.PinRemoved) -> None:
    key = HoldKey("pin", event.target, "")
    if event.target_kind == "image":
        graph.release_image(ImageId(event.target), [key], entry.position, entry.time_us)
    elif event.target_kind == "layer":
        graph.release_layer(LayerId(event.target), key)
    elif event.target_kind == "deployment" and DeploymentId(event.target) in graph.deployments:
        graph.deployments[DeploymentId(event.target)].pin = None


def _consumer_added(graph: ReferenceGraph, entry: Entry, event: consumer.ConsumerAdded) -> None:
    graph.consumers[event.path] = ConsumerNode(event.path, event.runroot, event.found, entry.position)


def _consumer_removed(graph: ReferenceGraph, entry: Entry, event: consumer.ConsumerRemoved) -> None:
    graph.consumers.pop(event.path, None)
    graph.release_owner("consumer", event.path, entry.position, entry.time_us)


def _reference_observed(graph: ReferenceGraph, entry: Entry, event: consumer.ConsumerReferenceObserved) -> None:
    key = HoldKey("consumer", event.path, event.holder)
    made = Hold(key, event.name, entry.position)
    if event.layer is not None:
        graph.hold_layer(event.layer, made)
    if event.image is not None:
        graph.hold_image(event.image, made)


def _reference_gone(graph: ReferenceGraph, entry: Entry, event: consumer.ConsumerReferenceGone) -> None:
    key = HoldKey("consumer", event.path, event.holder)
    if event.layer is not None:
        graph.release_layer(event.layer, key)
    if event.image is not None:
        graph.release_image(event.image, [key], entry.position, entry.time_us)


_Apply = Callable[[ReferenceGraph, Entry, Any], None]
_APPLY: dict[type[Event], _Apply] = {
    store.StoreInitialised: _store_initialised,
    store.StaterootCreated: _nothing,
    store.CommitFetched: _nothing,
    store.CommitsPruned: _nothing,
    store.StoreAdopted: _nothing,
    store.DriftFound: _nothing,
    store.DriftRepaired: _nothing,
    operation.OperationBegun: _operation_begun,
    operation.OperationCompleted: _operation_ended,
    operation.OperationFailed: _operation_ended,
    operation.OperationAborted: _operation_ended,
    image.ImagePulled: _image_pulled,
    image.ImageObserved: _image_observed,
    image.ImageNamed: _image_named,
    image.ImageBound: _image_bound,
    image.ImageUnbound: _image_unbound,
    image.ImagePruned: _image_pruned,
    image.ImageLost: _image_lost,
    image.ImageHealed: _image_healed,
    image.LayerReferenced: _layer_referenced,
    image.LayerReleased: _layer_released,
    image.LayerPruned: _layer_pruned,
    image.LayerLost: _layer_lost,
    deployment.DeploymentSealed: _deployment_sealed,
    deployment.DeploymentDeployed: _deployment_deployed,
    deployment.DeploymentObserved: _deployment_observed,
    deployment.DeploymentRolledBack: _reordered,
    deployment.DeploymentRemoved: _deployment_removed,
    deployment.DeploymentGone: _deployment_removed,
    deployment.DeploymentsReordered: _reordered,
    deployment.DeploymentPinned: _deployment_pinned,
    deployment.DeploymentUnpinned: _deployment_unpinned,
    hold.LeaseGranted: _lease_granted,
    hold.LeaseReleased: _lease_released,
    hold.PinSet: _pin_set,
    hold.PinRemoved: _pin_removed,
    prune.PrunePlanned: _nothing,
    audit.AuditExported: _nothing,
    checkpoint.CheckpointPublished: _nothing,
    key.KeyAdded: _nothing,
    key.KeyRotated: _nothing,
    key.KeyRevoked: _nothing,
    consumer.ConsumerAdded: _consumer_added,
    consumer.ConsumerRemoved: _consumer_removed,
    consumer.ConsumerReferenceObserved: _reference_observed,
    consumer.ConsumerReferenceGone: _reference_gone,
    recovery.BackupWritten: _recovery_proved,
    recovery.StoreReplayed: _nothing,
    recovery.ReplayCompared: _nothing,
    recovery.DrillHeld: _recovery_proved,
}
