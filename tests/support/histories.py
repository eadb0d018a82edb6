"""Long histories as real machines write them: deterministic by seed, event for event what the use cases record.

`WEEKLY` is a device in the field that gets a new operating system each week, for 25 years if need be; `BUILDS` a build
machine that deploys 200 times a day and keeps 48 deployments: 200 images of 12 layers are live at any time.
"""

import hashlib
import random
from collections.abc import Iterator
from dataclasses import dataclass

from application.deploying import DeployIntent, FetchIntent
from application.pruning import GcIntent
from application.rolling_back import RollbackIntent
from application.undeploying import UndeployIntent
from domain.decisions.deploying import Member
from domain.events.base import Event
from domain.events.codec import to_plain
from domain.events.consumer import ConsumerAdded, ConsumerReferenceGone, ConsumerReferenceObserved
from domain.events.deployment import (
    DeploymentDeployed,
    DeploymentRemoved,
    DeploymentRolledBack,
    DeploymentSealed,
    SealedImage,
)
from domain.events.hold import LeaseGranted, PinRemoved, PinSet
from domain.events.image import (
    ImageBound,
    ImageNamed,
    ImagePruned,
    ImagePulled,
    LayerPruned,
    LayerReferenced,
    LayerReleased,
)
from domain.events.operation import OperationBegun, OperationCompleted
from domain.events.prune import PrunePlanned
from domain.events.store import CommitFetched, CommitsPruned
from domain.ports import RegistryOptions
from domain.references import stand_in
from domain.values import Commit, DeploymentId, Digest, ImageId, LayerId, OperationId, Stateroot

YEAR_OF_WEEKS = 52
CONSUMER = "/var/lib/containers/storage"


@dataclass(frozen=True)
class Shape:
    """A machine: each deployment binds `images`, `rebuilt` of them new; `kept` deployments stay. An image has `layers`,
    of which the lowest `shared` are those of a base that all have in common and that is new every ten deployments.
    `every_us` lies between two deployments.
    """

    images: int
    rebuilt: int
    kept: int
    layers: int
    shared: int
    every_us: int


WEEKLY = Shape(images=12, rebuilt=5, kept=3, layers=6, shared=2, every_us=7 * 86400 * 1_000_000)
BUILDS = Shape(images=12, rebuilt=4, kept=48, layers=12, shared=2, every_us=86400 * 1_000_000 // 200)


@dataclass(frozen=True)
class Batch:
    """Events that were recorded in one operation, one after another, at that time."""

    operation: str
    time_us: int
    events: tuple[Event, ...]


@dataclass(frozen=True)
class _Image:
    id: ImageId
    digest: Digest
    name: str
    layers: tuple[LayerId, ...]

    def blobs(self) -> tuple[Digest, ...]:
        return tuple(Digest(f"sha256:{_hex('blob', layer)}") for layer in self.layers)


def history(shape: Shape, deployments: int, *, seed: int = 0, start_us: int = 1_700_000_000_000_000) -> Iterator[Batch]:
    """So many deployments and all that goes with them, from the first event after the store was made."""
    machine = _Machine(shape, random.Random(seed), f"seed {seed}")
    for number in range(deployments):
        for operation, events in machine.next_deployment(number):
            yield Batch(operation, start_us + number * shape.every_us, tuple(events))


def recorded(batches: Iterator[Batch]) -> Iterator[tuple[Event, str]]:
    """The events one by one, each with its operation."""
    for batch in batches:
        for event in batch.events:
            yield event, batch.operation


def _hex(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


class _Machine:
    def __init__(self, shape: Shape, dice: random.Random, salt: str) -> None:
        self.shape, self.dice, self.salt = shape, dice, salt
        self.deployments: list[tuple[DeploymentId, dict[str, _Image]]] = []  # the default first
        self.images: dict[ImageId, _Image] = {}
        self.users: dict[LayerId, set[ImageId]] = {}
        self.current: dict[str, _Image] = {}  # what each name means now
        self.made = 0
        self.pinned: ImageId | None = None

    def next_deployment(self, number: int) -> Iterator[tuple[OperationId, list[Event]]]:
        commit = Commit(_hex(self.salt, "commit", number))
        operation, ref = self._operation(), "os/stable"
        fetched = CommitFetched(commit, ref, "https://os.example/repo")
        yield operation, self._around(operation, "fetch", FetchIntent(ref, "https://os.example/repo"), [fetched])
        yield self._deploy(number, commit)
        if number and not self.dice.randrange(25):
            yield self._roll_back()
        if not self.dice.randrange(10):
            yield OperationId(""), self._pin()
        if not self.dice.randrange(5):
            yield OperationId(""), self._consume(number)
        while len(self.deployments) > self.shape.kept:
            yield self._undeploy()
        yield self._collect(number)

    def _deploy(self, number: int, commit: Commit) -> tuple[OperationId, list[Event]]:
        operation, stateroot = self._operation(), Stateroot("os")
        deployment = DeploymentId(f"os-{commit}.0")
        rebuilt = range(self.shape.images) if not number else self.dice.sample(
            range(self.shape.images), self.shape.rebuilt
        )  # fmt: skip
        before = dict(self.current)
        for app in rebuilt:
            made = self._build(app, number)
            self.current[made.name] = made
        bound = dict(self.current)
        new = [image for image in bound.values() if image.id not in self.images]
        members = tuple(
            Member(f"{n}.container", image.name, image.digest, None, Digest(f"sha256:{image.id}"), image.blobs(),
                   (20_000_000,) * len(image.layers))
            for n, image in enumerate(bound.values())
        )  # fmt: skip
        known = tuple(name for name, _ in self.deployments)
        intent = DeployIntent(commit, stateroot, "os/stable", (), known, members, RegistryOptions())
        events: list[Event] = [
            LeaseGranted(operation, image.id, 10**18) for image in bound.values() if image.id in self.images
        ]
        for image in new:
            events += self._pulled(image)
        events.append(DeploymentSealed(
            operation, stateroot, commit, tuple(SealedImage(m.name, m.reference, m.digest, bound[m.reference].id)
                                               for m in members),
        ))  # fmt: skip
        self.deployments.insert(0, (deployment, bound))
        events.append(DeploymentDeployed(
            deployment, stateroot, commit, 0, "os/stable", (), operation, self._order(),
        ))  # fmt: skip
        events += [
            ImageBound(bound[m.reference].id, deployment, m.name, m.reference, m.digest, by_hand=False) for m in members
        ]
        for image in new:
            events += self._named(image, before.get(image.name))
        return operation, self._around(operation, "deploy", intent, events)

    def _build(self, app: int, number: int) -> _Image:
        self.made += 1
        base = number // 10
        layers = [_hex(self.salt, "base", base, depth) for depth in range(self.shape.shared)]
        layers += [_hex(self.salt, "own", self.made, depth) for depth in range(self.shape.layers - len(layers))]
        image = ImageId(_hex(self.salt, "image", self.made))
        digest = Digest(f"sha256:{_hex(self.salt, 'manifest', self.made)}")
        return _Image(image, digest, f"registry.example/team/app{app}:latest", tuple(map(LayerId, layers)))

    def _pulled(self, image: _Image) -> Iterator[Event]:
        self.images[image.id] = image
        repository = image.name.removesuffix(":latest")
        yield ImagePulled(
            image.id, image.digest, None, Digest(f"sha256:{image.id}"), (f"{repository}@{image.digest}",), image.name,
            image.layers, 50_000_000 * len(image.layers),
        )  # fmt: skip
        for parent, layer, blob in zip((None, *image.layers), image.layers, image.blobs(), strict=False):
            self.users.setdefault(layer, set()).add(image.id)
            diff = Digest(f"sha256:{_hex('diff', layer)}")
            yield LayerReferenced(layer, image.id, parent, diff, blob, 50_000_000, layer[:26].upper())

    def _named(self, image: _Image, before: _Image | None) -> Iterator[Event]:
        repository = image.name.removesuffix(":latest")
        if before is not None and before.id in self.images:
            yield ImageNamed(before.id, (f"{repository}@{before.digest}", stand_in(f"{repository}", before.digest)))
        yield ImageNamed(image.id, (f"{repository}@{image.digest}", image.name))

    def _roll_back(self) -> tuple[OperationId, list[Event]]:
        operation = self._operation()
        if len(self.deployments) > 1:
            self.deployments[0], self.deployments[1] = self.deployments[1], self.deployments[0]
        now = self.deployments[0][0]
        before = self.deployments[min(1, len(self.deployments) - 1)][0]
        event = DeploymentRolledBack(now, before, self._order())
        return operation, self._around(operation, "rollback", RollbackIntent(now, before), [event])

    def _pin(self) -> list[Event]:
        if self.pinned is not None:
            pinned, self.pinned = self.pinned, None
            return [PinRemoved("image", pinned, "not needed any more")]
        self.pinned = self.dice.choice(sorted(self.images))
        return [PinSet("image", self.pinned, None, "under investigation")]

    def _consume(self, number: int) -> list[Event]:
        """A container of another store comes and goes."""
        layer = self.dice.choice(sorted(self.users))
        holder = f"container:{_hex(self.salt, 'container', number)}"
        seen = ConsumerReferenceObserved(CONSUMER, holder, "job", layer, None)
        added = [ConsumerAdded(CONSUMER, None, "podman's default store")]
        return [*added, seen, ConsumerReferenceGone(CONSUMER, holder, layer, None)]

    def _undeploy(self) -> tuple[OperationId, list[Event]]:
        operation = self._operation()
        oldest, _ = self.deployments.pop()
        removed = DeploymentRemoved(oldest, "gc --keep-deployments", self._order())
        return operation, self._around(operation, "undeploy", UndeployIntent(oldest, "undeployed"), [removed])

    def _collect(self, number: int) -> tuple[OperationId, list[Event]]:
        operation, plan = self._operation(), _hex(self.salt, "plan", number)
        held = {image.id for _, bound in self.deployments for image in bound.values()} | {self.pinned}
        victims = [image for name, image in self.images.items() if name not in held]
        events: list[Event] = []
        gone: list[LayerId] = []
        for image in victims:
            del self.images[image.id]
            repository = image.name.removesuffix(":latest")
            names = (f"{repository}@{image.digest}",)
            events.append(ImagePruned(image.id, image.digest, names, 50_000_000 * len(image.layers)))
            for layer in image.layers:
                events.append(LayerReleased(layer, image.id))
                self.users[layer].discard(image.id)
                if not self.users[layer]:
                    del self.users[layer]
                    gone.append(layer)
        ids = tuple(image.id for image in victims)
        pruned = [LayerPruned(layer, Digest(f"sha256:{_hex('diff', layer)}"), 50_000_000) for layer in gone]
        planned = PrunePlanned(operation, plan, 1, ids, len(gone), 50_000_000 * len(gone))
        inner = [planned, *events, *pruned, CommitsPruned(30_000_000)]
        return operation, self._around(operation, "gc", GcIntent(plan, ids), inner)

    def _operation(self) -> OperationId:
        return OperationId(f"{self.dice.getrandbits(64):016x}")

    def _around(self, operation: OperationId, command: str, intent: object, events: list[Event]) -> list[Event]:
        return [OperationBegun(operation, command, to_plain(intent)), *events, OperationCompleted(operation)]

    def _order(self) -> tuple[DeploymentId, ...]:
        return tuple(name for name, _ in self.deployments)
