"""What a replay does, as steps in their order: the shortest way to a graph, or every operation of the log again.

Each step says what shall be so; whoever carries it out looks first whether it is.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from domain.events import deployment, image, store
from domain.events.base import Event
from domain.graph import DeploymentNode, ReferenceGraph
from domain.values import Commit, DeploymentId, ImageId, Stateroot


@dataclass(frozen=True, slots=True)
class HaveStateroot:
    stateroot: Stateroot


@dataclass(frozen=True, slots=True)
class HaveImage:
    image: ImageId


@dataclass(frozen=True, slots=True)
class DropImage:
    image: ImageId


@dataclass(frozen=True, slots=True)
class HaveDeployment:
    """`needs`: the images that it binds; without them it is not deployed (law 6)."""

    deployment: DeploymentId
    stateroot: Stateroot
    commit: Commit
    origin: str
    kargs: tuple[str, ...]
    needs: tuple[ImageId, ...]


@dataclass(frozen=True, slots=True)
class DropDeployment:
    deployment: DeploymentId


@dataclass(frozen=True, slots=True)
class HaveOrder:
    order: tuple[DeploymentId, ...]


@dataclass(frozen=True, slots=True)
class HavePin:
    deployment: DeploymentId
    pinned: bool


Step = HaveStateroot | HaveImage | DropImage | HaveDeployment | DropDeployment | HaveOrder | HavePin


def wanted_images(graph: ReferenceGraph) -> list[ImageId]:
    """What the live set needs, and whatever else was there."""
    return [node.id for node in graph.images.values() if node.holds or node.present]


def shortest(graph: ReferenceGraph, stateroots: Iterable[Stateroot]) -> Iterator[Step]:
    """The state of the graph, without the way there. Serials of one commit grow, as ostree gives them."""
    for stateroot in sorted({*stateroots, *(node.stateroot for node in graph.deployments.values())}):
        yield HaveStateroot(stateroot)
    for name in wanted_images(graph):
        yield HaveImage(name)
    for node in sorted(graph.in_order(), key=lambda node: (node.serial, node.event)):
        yield _deployed(node)
    yield from closing(graph)


def closing(graph: ReferenceGraph, brought: Iterable[ImageId] = ()) -> Iterator[Step]:
    """What has to be so in the end, whichever way was taken; `brought` are the images that came in on it."""
    for name in brought:
        # One that somebody removed behind storectl's back: the log knows that it went, and not how.
        yield HaveImage(name) if name in graph.images else DropImage(name)
    yield HaveOrder(tuple(node.id for node in graph.in_order()))
    for node in graph.in_order():
        yield HavePin(node.id, node.pinned)


def _deployed(node: DeploymentNode) -> HaveDeployment:
    needs = tuple(dict.fromkeys(binding.image for binding in node.bindings.values()))
    return HaveDeployment(node.id, node.stateroot, node.commit, node.origin, node.kargs, needs)


def every(events: Iterable[Event]) -> Iterator[Step]:
    """Every change of images and deployments that the log tells of, in its order."""
    sealed: tuple[ImageId, ...] = ()
    for event in events:
        if isinstance(event, store.StaterootCreated):
            yield HaveStateroot(event.stateroot)
        elif isinstance(event, image.ImagePulled | image.ImageObserved | image.ImageHealed):
            yield HaveImage(event.image)
        elif isinstance(event, image.ImagePruned):
            yield DropImage(event.image)
        elif isinstance(event, deployment.DeploymentSealed):
            sealed = tuple(dict.fromkeys(member.image for member in event.images))
        else:
            yield from _of_deployment(event, sealed)


def _of_deployment(event: Event, sealed: tuple[ImageId, ...]) -> Iterator[Step]:
    if isinstance(event, deployment.DeploymentDeployed | deployment.DeploymentObserved):
        yield HaveStateroot(event.stateroot)
        yield HaveDeployment(
            event.deployment, event.stateroot, event.commit, event.origin, event.kargs,
            sealed if isinstance(event, deployment.DeploymentDeployed) else (),
        )  # fmt: skip
        yield HaveOrder(event.order)
        if isinstance(event, deployment.DeploymentObserved):
            yield HavePin(event.deployment, event.pinned)
    elif isinstance(event, deployment.DeploymentRolledBack | deployment.DeploymentsReordered):
        yield HaveOrder(event.order)
    elif isinstance(event, deployment.DeploymentRemoved | deployment.DeploymentGone):
        yield DropDeployment(event.deployment)
        yield HaveOrder(event.order)
    elif isinstance(event, deployment.DeploymentPinned | deployment.DeploymentUnpinned):
        yield HavePin(event.deployment, isinstance(event, deployment.DeploymentPinned))


def next_origin(origin: str) -> str:
    """The origin of the log that goes on where this one cannot: `host` → `host/2` → `host/3`."""
    base, slash, number = origin.rpartition("/")
    if slash and number.isdecimal() and number == str(int(number)) and int(number) >= 2:
        return f"{base}/{int(number) + 1}"
    return f"{origin}/2"
