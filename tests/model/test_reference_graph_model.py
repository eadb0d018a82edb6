"""The laws, over any sequence of commands: the graph equals a naive model's, and no plan touches what is reachable."""

from dataclasses import dataclass, field
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from domain.decisions.pruning import plan_prune
from domain.events.base import Event
from domain.events.consumer import ConsumerAdded, ConsumerReferenceGone, ConsumerReferenceObserved, ConsumerRemoved
from domain.events.deployment import DeploymentDeployed, DeploymentRemoved, DeploymentRolledBack, DeploymentSealed
from domain.events.hold import LeaseGranted, LeaseReleased, PinRemoved, PinSet
from domain.events.image import ImageBound, ImagePruned, ImagePulled, LayerPruned, LayerReferenced, LayerReleased
from domain.events.operation import OperationBegun, OperationCompleted
from domain.graph import ReferenceGraph
from domain.ledger.entry import Entry
from domain.store_view import StoredContainer, StoredImage, StoredLayer, StoreView
from domain.values import Commit, DeploymentId, Digest, ImageId, LayerId, OperationId, Stateroot
from projections.graph_state import State, dump, load
from projections.reference_graph import fold
from tests.support.events import entries

SECOND = 1_000_000
# Five images over six layers: a shared base, a shared middle, and tops of their own.
LAYERS: dict[str, str | None] = {"b": None, "m": "b", "t0": "m", "t1": "m", "t2": "b", "o": None}
IMAGES = {"i0": "t0", "i1": "t1", "i2": "t2", "i3": "m", "i4": "o"}
IMAGE = st.sampled_from(sorted(IMAGES))


def chain(layer: str | None) -> list[str]:
    return [] if layer is None else [*chain(LAYERS[layer]), layer]


@dataclass
class Naive:
    """What is true, written down as plainly as can be: who holds what, and what lies on disk."""

    deployments: dict[str, dict[str, str]] = field(default_factory=dict)
    leases: dict[str, tuple[str, int]] = field(default_factory=dict)
    pins: dict[str, int | None] = field(default_factory=dict)
    layer_pins: set[str] = field(default_factory=set)
    consumers: dict[str, set[tuple[str, str]]] = field(default_factory=dict)
    operations: dict[str, set[str]] = field(default_factory=dict)
    on_disk: set[str] = field(default_factory=set)
    containers: set[str] = field(default_factory=set)

    def held(self, now_us: int) -> set[str]:
        direct = {image for bound in self.deployments.values() for image in bound.values()}
        direct |= {image for image, until in self.leases.values() if until > now_us}
        direct |= {image for image, until in self.pins.items() if until is None or until > now_us}
        direct |= {image for images in self.operations.values() for image in images}
        direct &= self.on_disk
        covered = {layer for image in direct for layer in chain(IMAGES[image])}
        wanted = {layer for references in self.consumers.values() for _, layer in references} | self.layer_pins
        carriers = {i for i in self.on_disk if any(x in wanted - covered for x in chain(IMAGES[i]))}
        return direct | carriers

    def view(self) -> StoreView:
        layers = {layer for image in self.on_disk for layer in chain(IMAGES[image])}
        return StoreView(
            {ImageId(i): StoredImage(ImageId(i), Digest(f"d{i}"), (Digest(f"d{i}"),), (), LayerId(IMAGES[i]), ())
             for i in self.on_disk},
            {LayerId(x): StoredLayer(
                LayerId(x), LayerId(LAYERS[x] or "") or None, Digest(f"f{x}"), None, 1, True)
             for x in layers},
            tuple(StoredContainer(f"c{i}", (), ImageId(i), None) for i in self.containers),
            b"",
        )  # fmt: skip


class Laws(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.naive, self.graph, self.log, self.count = Naive(), ReferenceGraph(), list[Entry](), 0

    @property
    def now_us(self) -> int:
        return self.graph.time_us

    def tell(self, *events: Event, operation: str = "") -> None:
        new = list(entries([(event, operation) for event in events], len(self.log)))
        self.log += new
        fold(self.graph, new)

    def fresh(self) -> str:
        self.count += 1
        return f"x{self.count}"

    def bring(self, image: str, operation: str = "") -> None:
        if image in self.naive.on_disk:
            return
        layers = tuple(LayerId(layer) for layer in chain(IMAGES[image]))
        pulled = ImagePulled(ImageId(image), Digest(f"d{image}"), None, Digest("c"), (), image, layers, 1)
        references = [
            LayerReferenced(x, ImageId(image), LayerId(LAYERS[x] or "") or None, Digest(f"f{x}"), None, 1, "L")
            for x in layers
        ]
        self.tell(pulled, *references, operation=operation)
        self.naive.on_disk.add(image)

    @rule(image=IMAGE, seconds=st.integers(1, 30))
    def pull(self, image: str, seconds: int) -> None:
        lease, until = self.fresh(), self.now_us + seconds * SECOND
        self.bring(image)
        self.tell(LeaseGranted(lease, ImageId(image), until))
        self.naive.leases[lease] = (image, until)

    @precondition(lambda self: self.naive.leases)
    @rule(data=st.data())
    def release(self, data: Any) -> None:
        lease = data.draw(st.sampled_from(sorted(self.naive.leases)))
        image, _ = self.naive.leases.pop(lease)
        self.tell(LeaseReleased(lease, ImageId(image), "given back"))

    @rule(images=st.lists(IMAGE, max_size=3))
    def begin_deploying(self, images: list[str]) -> None:
        operation = self.fresh()
        intent = {"known": ["one"], "members": [{"blobs": []}]}  # lists, as a payload has them
        self.tell(OperationBegun(OperationId(operation), "deploy", intent), operation=operation)
        for image in images:
            self.bring(image, operation)
        sealed = DeploymentSealed(OperationId(operation), Stateroot("os"), Commit("c"), ())
        self.tell(sealed, operation=operation)
        # What was there already is held by a lease under the operation's name, as the use case does.
        self.tell(*(LeaseGranted(operation, ImageId(image), 2**62) for image in images), operation=operation)
        self.naive.operations[operation] = set(images)

    @precondition(lambda self: self.naive.operations)
    @rule(data=st.data(), succeeds=st.booleans())
    def finish_deploying(self, data: Any, succeeds: bool) -> None:
        operation = data.draw(st.sampled_from(sorted(self.naive.operations)))
        images = sorted(self.naive.operations.pop(operation))
        if succeeds:
            name = DeploymentId(self.fresh())
            order = (name, *self.graph.order)
            made = DeploymentDeployed(name, Stateroot("os"), Commit("c"), 0, "", (), OperationId(operation), order)
            bound = [ImageBound(ImageId(i), name, f"{i}.image", i, Digest(f"d{i}"), by_hand=False) for i in images]
            self.tell(made, *bound, operation=operation)
            self.naive.deployments[name] = {f"{i}.image": i for i in images}
        self.tell(OperationCompleted(OperationId(operation)), operation=operation)

    @precondition(lambda self: self.naive.deployments)
    @rule(data=st.data())
    def undeploy(self, data: Any) -> None:
        name = data.draw(st.sampled_from(sorted(self.naive.deployments)))
        del self.naive.deployments[name]
        order = tuple(other for other in self.graph.order if other != name)
        self.tell(DeploymentRemoved(DeploymentId(name), "", order))

    @precondition(lambda self: len(self.naive.deployments) > 1)
    @rule()
    def roll_back(self) -> None:
        first, second, *rest = self.graph.order
        self.tell(DeploymentRolledBack(second, first, (second, first, *rest)))

    @rule(image=IMAGE, seconds=st.none() | st.integers(1, 30))
    def pin(self, image: str, seconds: int | None) -> None:
        if image in self.naive.on_disk:
            until = None if seconds is None else self.now_us + seconds * SECOND
            self.tell(PinSet("image", image, until, "kept"))
            self.naive.pins[image] = until

    @precondition(lambda self: self.naive.pins)
    @rule(data=st.data())
    def unpin(self, data: Any) -> None:
        image = data.draw(st.sampled_from(sorted(self.naive.pins)))
        del self.naive.pins[image]
        self.tell(PinRemoved("image", image, "asked"))

    @rule(layer=st.sampled_from(sorted(LAYERS)), pinned=st.booleans())
    def pin_layer(self, layer: str, pinned: bool) -> None:
        if layer not in self.graph.layers:
            return
        if pinned:
            self.tell(PinSet("layer", layer, None, ""))
            self.naive.layer_pins.add(layer)
        elif layer in self.naive.layer_pins:
            self.tell(PinRemoved("layer", layer, ""))
            self.naive.layer_pins.remove(layer)

    @rule(path=st.sampled_from(["/b", "/c"]), holder=st.sampled_from(["container:1", "image:2"]),
          layer=st.sampled_from(sorted(LAYERS)))  # fmt: skip
    def consume(self, path: str, holder: str, layer: str) -> None:
        if path not in self.naive.consumers:
            self.tell(ConsumerAdded(path, None, "by hand"))
            self.naive.consumers[path] = set()
        if layer not in self.graph.layers:
            return
        if (holder, layer) in self.naive.consumers[path]:
            self.tell(ConsumerReferenceGone(path, holder, LayerId(layer), None))
            self.naive.consumers[path].remove((holder, layer))
        else:
            self.tell(ConsumerReferenceObserved(path, holder, "name", LayerId(layer), None))
            self.naive.consumers[path].add((holder, layer))

    @precondition(lambda self: self.naive.consumers)
    @rule(data=st.data())
    def forget_consumer(self, data: Any) -> None:
        path = data.draw(st.sampled_from(sorted(self.naive.consumers)))
        del self.naive.consumers[path]
        self.tell(ConsumerRemoved(path, ""))

    @rule(image=IMAGE, there=st.booleans())
    def own_container(self, image: str, there: bool) -> None:
        if there and image in self.naive.on_disk:
            self.naive.containers.add(image)
        else:
            self.naive.containers.discard(image)

    @rule()
    def collect(self) -> None:
        now = self.now_us
        plan = plan_prune(self.graph, self.naive.view(), now)
        held = self.naive.held(now) | self.naive.containers
        assert {victim.id for victim in plan.images} == self.naive.on_disk - held, "all garbage, and nothing else"
        for victim in plan.images:
            node = self.graph.images[victim.id]
            self.tell(ImagePruned(victim.id, None, (), 1), *(LayerReleased(x, victim.id) for x in node.layers))
            self.naive.on_disk.remove(victim.id)
            self.naive.pins.pop(victim.id, None)
        left = {x for image in self.naive.on_disk for x in chain(IMAGES[image])}
        assert not {layer.id for layer in plan.layers} & left, "no layer of a kept image goes"
        wanted = {layer for refs in self.naive.consumers.values() for _, layer in refs} | self.naive.layer_pins
        assert not {layer.id for layer in plan.layers} & wanted, "no layer that is held itself goes"
        gone = [x.id for x in self.graph.layers.values() if not x.images and x.id not in left]
        self.tell(*(LayerPruned(layer, None, 1) for layer in gone))
        again = plan_prune(self.graph, self.naive.view(), now)
        assert not again.images, "a second collection finds nothing"

    @invariant()
    def the_graph_equals_the_naive_model(self) -> None:
        assert set(self.graph.images) == self.naive.on_disk
        assert self.graph.held_images(self.now_us) == self.naive.held(self.now_us)
        assert set(self.graph.order) == set(self.naive.deployments) == set(self.graph.deployments)

    @invariant()
    def replay_in_two_parts_through_the_cache_is_the_live_graph(self) -> None:
        half = len(self.log) // 2
        state = load(dump(State(fold(ReferenceGraph(), self.log[:half]), b"x" * 32)))
        assert state is not None
        assert fold(state.graph, self.log[half:]) == self.graph


Laws.TestCase.settings = settings(max_examples=120, stateful_step_count=30, deadline=None)
test_laws = Laws.TestCase
