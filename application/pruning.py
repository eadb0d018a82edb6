"""Garbage collection: a plan, its intent in the log, then the images, each outcome recorded as it is found.

From the last look at the consumer stores until the last deletion they are held still: nothing can come to depend on
what is being dropped. The owned store's own locks are left to podman and skopeo, which do the deleting.
"""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass

from application.consumers import observe_consumers
from application.host import Host
from application.inventory import observed
from application.procedures import carry_out, intent_of
from application.undeploying import undeploy
from domain.decisions.keeping import surplus_deployments
from domain.decisions.plan_changes import SeenPlan, require_plan
from domain.decisions.pruning import PrunePlan, plan_prune
from domain.events.base import Event
from domain.events.image import ImagePruned, LayerPruned, LayerReleased
from domain.events.prune import PrunePlanned
from domain.events.store import CommitsPruned
from domain.graph import OpenOperation, ReferenceGraph
from domain.values import DeploymentId, ImageId

BATCH = 400
"""Images an operation: its intent must fit into one record of the log (64 KiB)."""

AT_ONCE = 50
"""Images that are deleted together; between two such lots the graph is asked again, and their outcome is recorded."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a collection is asked for. `expected`: exactly the plan with this hash, which was `seen` before. `grace_us`:
    only what has been garbage for so long. `keep_deployments`: remove the oldest beyond so many first.
    """

    expected: str | None = None
    seen: SeenPlan | None = None
    grace_us: int = 0
    keep_deployments: int | None = None


@dataclass(frozen=True, slots=True)
class GcIntent:
    plan: str
    images: tuple[ImageId, ...]


@dataclass(frozen=True, slots=True)
class Collection:
    """A plan, and the deployments that go before it is carried out."""

    prune: PrunePlan
    deployments: tuple[DeploymentId, ...]


def plan(host: Host, wanted: Wanted) -> Collection:
    """What a collection would drop now. Raises Refused where a consumer store cannot be read, Busy if another plan than
    the expected one is due.
    """
    observe_consumers(host, strict=True)
    return _plan(host, wanted)


def _plan(host: Host, wanted: Wanted) -> Collection:
    surplus = _surplus(host, wanted)
    graph = _without(host.graph, surplus, host.now_us()) if surplus else host.graph
    due = plan_prune(graph, host.store.view(), host.now_us(), grace_us=wanted.grace_us, consumers=_state(host, surplus))
    if wanted.expected is not None:
        require_plan(wanted.expected, due, surplus, wanted.seen)
    return Collection(due, surplus)


def collect(host: Host, wanted: Wanted) -> Collection:
    """Drop what nothing holds. Raises Busy if another plan than the expected one is due, or a consumer is in use."""
    with _consumers_held_still(host):
        due = _plan(host, wanted)
        for deployment in due.deployments:
            undeploy(host, deployment, f"gc --keep-deployments {wanted.keep_deployments}")
        victims = tuple(victim.id for victim in due.prune.images)
        batches = [victims[start : start + BATCH] for start in range(0, len(victims), BATCH)]
        if not batches and host.os.prunable():
            batches = [()]
        for batch in batches:
            _carry_out_batch(host, due.prune, batch)
    return due


@contextmanager
def _consumers_held_still(host: Host) -> Iterator[None]:
    """Every consumer store held still, and looked at since. One that is only found by looking is held still, too."""
    while True:
        known = list(host.graph.consumers)
        with host.consumers.frozen(known, host.wait_s):
            observe_consumers(host, strict=True)
            if list(host.graph.consumers) == known:
                yield
                return


def adopt_foreign(host: Host) -> list[ImageId]:
    """Take images that somebody else brought in under management: what nothing holds of them is garbage from now."""
    view = host.store.view()
    taken = [node.id for node in host.graph.images.values() if not node.managed and node.id in view.images]
    for image in taken:
        stored = view.images[image]
        host.journal.record(*observed(stored, view, host.store.links(view.chain(stored.layer)), managed=True))
    return taken


def _carry_out_batch(host: Host, due: PrunePlan, batch: tuple[ImageId, ...]) -> None:
    operation = host.journal.begin(PRUNING.command, GcIntent(due.plan, batch))
    planned = PrunePlanned(operation.id, due.plan, due.position, batch, len(due.layers), due.bytes)
    host.journal.record(planned, operation=operation.id)
    carry_out(host, _Pruning(freeze=False), operation)


def _surplus(host: Host, wanted: Wanted) -> tuple[DeploymentId, ...]:
    if wanted.keep_deployments is None:
        return ()
    there = {each.id: each for each in host.os.deployments()}
    busy = {name for name, each in there.items() if each.booted or each.staged}
    return surplus_deployments(host.graph, wanted.keep_deployments, busy, host.now_us())


def _without(graph: ReferenceGraph, deployments: tuple[DeploymentId, ...], now_us: int) -> ReferenceGraph:
    """The graph as it will be without these deployments."""
    later = deepcopy(graph)
    for deployment in deployments:
        del later.deployments[deployment]
        later.release_owner("deployment", deployment, graph.position, now_us)
    return later


def _state(host: Host, surplus: tuple[DeploymentId, ...]) -> bytes:
    """What else the plan stands on: the consumers' state, and the deployments that go with it."""
    tokens = [path.encode() + host.consumers.token(path) for path in sorted(host.graph.consumers)]
    return hashlib.sha256(b"\0".join([*tokens, *(name.encode() for name in surplus)])).digest()


class _Pruning:
    command = "gc"

    def __init__(self, *, freeze: bool) -> None:
        """`freeze`: hold the consumers still here, because the caller does not."""
        self._freeze = freeze

    def finish(self, host: Host, operation: OpenOperation) -> None:
        if not self._freeze:
            return self._finish(host, operation)
        with _consumers_held_still(host):
            return self._finish(host, operation)

    def _finish(self, host: Host, operation: OpenOperation) -> None:
        images = intent_of(GcIntent, operation).images
        for at in range(0, len(images), AT_ONCE):
            host.measure(at, len(images))
            _prune_images(host, operation, images[at : at + AT_ONCE])
        host.measure(0, 0)
        _record_gone_layers(host, operation)
        freed = host.os.prune()
        if freed:
            host.journal.record(CommitsPruned(freed), operation=operation.id)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(GcIntent, operation)
        _record_pruned(host, operation, intent.images)
        _record_gone_layers(host, operation)
        there = host.store.view().images
        left = sum(image in there for image in intent.images)
        return f"{len(intent.images) - left} images are gone, {left} were left alone"


def _prune_images(host: Host, operation: OpenOperation, wanted: Sequence[ImageId]) -> None:
    # Decided again on the graph at the head: the intent may be a crashed process's, and older than a pin. Between this
    # look and the last deletion nothing can change it: the lock is held, and the consumers are held still.
    held = host.graph.held_images(host.now_us())
    due = [image for image in wanted if image in host.graph.images and image not in held]
    if not due:
        return
    host.progress(f"deleting {len(due)} images")
    host.store.delete_all(due)
    host.journal.step("deleted")
    _record_pruned(host, operation, due)


def _record_pruned(host: Host, operation: OpenOperation, images: Iterable[ImageId]) -> None:
    """Those of the images that are gone, as the store shows it."""
    there = host.store.view().images
    events: list[Event] = []
    for image in images:
        node = host.graph.images.get(image)
        if node is not None and image not in there:
            events.append(ImagePruned(image, node.digest, node.names, node.bytes))
            events += [LayerReleased(layer, image) for layer in node.layers]
    host.journal.record(*events, operation=operation.id)


def _record_gone_layers(host: Host, operation: OpenOperation) -> None:
    """The layers that no image has any more and that really went, as the store shows it."""
    there = host.store.view().layers
    gone = [layer for layer in host.graph.layers.values() if not layer.images and layer.id not in there]
    host.journal.record(*(LayerPruned(x.id, x.diff_id, x.bytes) for x in gone), operation=operation.id)


PRUNING = _Pruning(freeze=True)
