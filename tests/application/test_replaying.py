"""Replaying in memory: whatever a store has lived through comes back, and a crash anywhere leads to the same."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from application.binding import pull
from application.deploying import deploy
from application.host import Host
from application.observing import observe
from application.pinning import pin
from application.pruning import Wanted, collect
from application.recovery.replaying import ReplayIntent, replay
from application.resuming import resume
from application.rolling_back import roll_back
from application.undeploying import undeploy
from domain.archive_ports import PastLog
from domain.errors import Failed, StoreError
from domain.events.recovery import ReplayCompared
from domain.events.store import StoreInitialised
from domain.graph import ReferenceGraph
from domain.ports import RegistryOptions
from domain.references import parse_reference
from domain.values import StoreId
from tests.fakes.host import SOURCE, Machine
from tests.fakes.log import FakeLog

APP, DB = "localhost/app:latest", "localhost/db:1"
BOUND = {"app.container": APP, "db.image": DB}


@dataclass
class Past:
    """Implements `domain.archive_ports.PastLogs` for one log."""

    log: FakeLog

    @contextmanager
    def open(self, name: str) -> Iterator[PastLog]:
        assert name == "past"
        yield self.log  # type: ignore[misc]


class Killed(BaseException):
    """What a kill is to the process that it hits."""


@dataclass
class Lost:
    """A machine whose log alone is left, and a new one that reaches the same registry and repository."""

    old: Machine
    new: Machine
    position: int

    def host(self, step: Callable[[str], None] = lambda name: None) -> Host:
        return replace(self.new.process(step), past=Past(self.old.log))

    def replayed(self, host: Host, *, full: bool = False, incomplete: bool = False) -> ReplayCompared:
        intent = ReplayIntent("past", self.position, full, incomplete, "", "", "", RegistryOptions())
        return replay(host, intent)


def lost(old: Machine, position: int | None = None) -> Lost:
    new = Machine()
    new.registry, new.repo, new.clock = old.registry, old.repo, old.clock
    new.os.sources = old.os.sources
    new.store.registry = old.registry
    new.log.stored.clear()
    new.process().journal.record(StoreInitialised(StoreId("t"), "test/log/2", bytes(32), bytes(32), None))
    return Lost(old, new, position or len(old.log.stored))


def lived() -> Machine:
    machine = Machine()
    machine.registry.push(APP, b"base", b"app 1")
    machine.registry.push(DB, b"base", b"db")
    machine.commit("os/stable", BOUND, "1")
    deploy(machine.process(), "os/stable", stateroot=None, source=SOURCE, kargs=("quiet",))
    machine.registry.push(APP, b"base", b"app 2")
    machine.commit("os/stable", BOUND, "2")
    for _ in range(2):
        deploy(machine.process(), "os/stable", stateroot=None, source=SOURCE, kargs=("console=a", "console=b"))
    undeploy(machine.process(), machine.os.deployments()[1].id)
    roll_back(machine.process(), None)
    pin(machine.process(), "deployment", machine.os.deployments()[1].id, until_us=None, reason="kept")
    machine.registry.push("localhost/extra:1", b"extra")
    pull(machine.process(), parse_reference("localhost/extra:1"), lease_us=10**12, new_lease=lambda: "l")
    return machine


def shape(graph: ReferenceGraph) -> object:
    """What a graph says, without the events that said it."""
    return (
        {name: (node.digest, sorted(node.names), node.source, node.layers, node.bytes, node.managed,
                sorted((key, hold.name, hold.until_us) for key, hold in node.holds.items()))
         for name, node in graph.images.items()},
        {name: (node.parent, node.diff_id, node.compressed_digest, node.bytes, sorted(node.images))
         for name, node in graph.layers.items()},
        {name: (node.stateroot, node.commit, node.serial, node.origin, node.kargs, node.pinned,
                node.pin and (node.pin.name, node.pin.until_us),
                {b.name: (b.reference, b.digest, b.image, b.by_hand) for b in node.bindings.values()})
         for name, node in graph.deployments.items()},
        graph.order, sorted(graph.consumers), list(graph.operations),
    )  # fmt: skip


@pytest.mark.parametrize("full", [False, True])
def test_the_new_log_alone_says_what_the_old_one_said(full: bool) -> None:
    left = lost(lived())
    found = left.replayed(left.host(), full=full)
    assert (found.count, found.compared > 20) == (0, True), found.differences
    assert shape(left.new.process().graph) == shape(left.old.process().graph)
    assert observe(left.new.process()) == 0, "nothing was done that the log does not tell"
    assert all(node.sealed_at for node in left.new.process().graph.deployments.values())


@pytest.mark.parametrize("full", [False, True])
def test_killed_at_any_step_it_is_finished_from_the_recorded_intent(full: bool) -> None:
    machine = lived()
    step = 0
    while True:
        step += 1
        left, passed = lost(machine), 0

        def dying(_name: str, at: int = step) -> None:
            nonlocal passed
            passed += 1
            if passed == at:
                raise Killed

        try:
            left.replayed(left.host(dying), full=full)
            break
        except Killed:
            resume(left.host())
        if not left.new.process().graph.deployments:
            left.replayed(left.host(), full=full)  # killed before it had begun
        assert shape(left.new.process().graph) == shape(machine.process().graph), f"step {step}"
    assert step > 15


WORDS = ("deploy", "again", "rollback", "undeploy", "pin", "gc", "pull")


@given(st.lists(st.sampled_from(WORDS), max_size=8), st.data())
@settings(max_examples=40)
def test_whatever_it_lived_through_and_at_any_position(words: list[str], data: st.DataObject) -> None:
    machine = Machine()
    machine.registry.push(DB, b"base", b"db")
    for number, word in enumerate(["deploy", *words]):
        try:
            act(machine, word, number)
        except (StoreError, IndexError):
            continue  # refused: that is life, too
    whole = lost(machine)
    assert whole.replayed(whole.host()).differences == ()
    assert shape(whole.new.process().graph) == shape(machine.process().graph)
    # At an earlier position all that can still be had comes back, and what cannot is named.
    left = lost(machine, data.draw(st.integers(1, len(machine.log.stored))))
    found = left.replayed(left.host(), full=data.draw(st.booleans()))
    assert found.count == len(found.differences)
    assert all(each.kind == "missing" for each in found.differences if "commit" not in each.detail), found.differences


def act(machine: Machine, word: str, number: int) -> None:
    host = machine.process()
    if word == "deploy":
        machine.registry.push(APP, b"base", f"app {number}".encode())
        machine.commit("os/stable", BOUND, str(number))
    if word in ("deploy", "again"):
        deploy(host, "os/stable", stateroot=None, source=SOURCE, kargs=(f"n={number}",))
    elif word == "rollback":
        roll_back(host, None)
    elif word == "undeploy":
        undeploy(host, machine.os.deployments()[-1].id)
    elif word == "pin":
        pin(host, "deployment", machine.os.deployments()[0].id, until_us=None, reason="")
    elif word == "gc":
        collect(host, Wanted(grace_us=0))
    elif word == "pull":
        machine.registry.push(f"localhost/extra{number}:1", str(number).encode())
        source = parse_reference(f"localhost/extra{number}:1")
        pull(host, source, lease_us=10**12, new_lease=lambda: f"lease{number}")


def test_what_a_deployment_binds_is_there_or_it_is_not_deployed() -> None:
    left = lost(lived())
    app1 = next(image for (_, _), image in left.old.registry.images.items() if b"app 1" in image.layers)
    gone = {key: image for key, image in left.old.registry.images.items() if image is not app1}
    left.old.registry.images = gone
    found = left.replayed(left.host())
    identity = app1.config.removeprefix("sha256:")
    first = next(name for name, node in left.old.process().graph.deployments.items() if node.serial == 0)
    assert {each.target for each in found.differences} == {identity, first}
    assert "manifest unknown" in next(each.detail for each in found.differences if each.target == identity)
    assert len(left.new.process().graph.deployments) == 1
    # If it is said, it comes up with what it lacks on record; and later it is whole.
    assert {each.kind for each in left.replayed(left.host(), incomplete=True).differences} == {"missing"}
    assert left.new.process().graph.deployments[first].unresolved == (f"app.container: {APP}",)
    left.old.registry.images[("localhost/app", app1.digest)] = app1
    assert left.replayed(left.host()).count == 0


def test_without_the_past_logs_it_stays_as_it_is() -> None:
    left = lost(lived())
    with pytest.raises(Failed):
        left.replayed(left.new.process())
    assert left.new.process().graph.operations == {}
