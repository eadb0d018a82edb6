"""Use cases on a machine in memory: what each leaves, and that a crash anywhere in it leads to the same."""

from collections.abc import Callable

import pytest

from application.binding import bind, pull, unbind
from application.consumers import add_consumer, observe_consumers
from application.deploying import deploy
from application.host import Host
from application.observing import observe
from application.pinning import pin, unpin
from application.pruning import Wanted, adopt_foreign, collect, plan
from application.resuming import resume
from application.rolling_back import roll_back
from application.undeploying import undeploy
from domain.errors import Busy, ImageUnavailable, NotFound, Refused, UnknownFormat, Usage
from domain.events.codec import decode
from domain.events.operation import OperationBegun
from domain.ports import FoundConsumer
from domain.references import parse_reference
from domain.store_view import StoredContainer, StoredImage, StoredLayer, StoreView
from domain.values import ImageId, LayerId
from projections.tables import images, layers
from tests.fakes.host import SOURCE, Machine

APP, DB = "localhost/app:latest", "localhost/db:1"
BOUND = {"app.container": APP, "db.image": DB}
HOUR = 3_600_000_000


def deploying(host: Host, ref: str = "os/stable") -> object:
    return deploy(host, ref, stateroot=None, source=SOURCE, kargs=())


def two_deployed() -> Machine:
    """v1 and v2 are deployed; `app:latest` moved on in between."""
    machine = Machine()
    machine.registry.push(APP, b"base", b"app 1")
    machine.registry.push(DB, b"base", b"db")
    machine.commit("os/stable", BOUND, "1")
    deploying(machine.process())
    machine.registry.push(APP, b"base", b"app 2")
    machine.commit("os/stable", BOUND, "2")
    deploying(machine.process())
    return machine


def test_an_operation_that_another_version_began_stays_open() -> None:
    machine = two_deployed()
    machine.process().journal.begin("rollback", {"deployment": "x", "because": "of the future"})
    for abort in (False, True):
        host = machine.process()
        with pytest.raises(UnknownFormat, match="not one of this version"):
            resume(host, abort=abort)
        assert host.graph.operations


def one_removed() -> Machine:
    machine = two_deployed()
    host = machine.process()
    undeploy(host, host.graph.order[1])
    return machine


def moved_on() -> Machine:
    machine = two_deployed()
    machine.registry.push(APP, b"base", b"app 3")
    machine.commit("os/stable", BOUND, "3")
    return machine


def picture(machine: Machine) -> dict[str, object]:
    """The state, without times, positions and ids of operations."""
    host = machine.process()
    view = machine.store.view()
    return {
        "deployments": machine.os.deployments(),
        "names": {image: sorted(stored.names) for image, stored in view.images.items()},
        "images": [(row["id"], row["names"], row["state"], sorted(row["used_by"]))
                   for row in sorted(images(host.graph, host.now_us()), key=lambda row: str(row["id"]))],
        "layers": sorted((row["id"], sorted(row["images"])) for row in layers(host.graph)),
        "on disk": sorted(view.layers),
        "order": host.graph.order,
        "bindings": {
            name: sorted(b.image for b in node.bindings.values()) for name, node in host.graph.deployments.items()
        },
        "pins": {name: (node.pinned, node.pin and node.pin.name) for name, node in host.graph.deployments.items()},
        "open": list(host.graph.operations),
    }  # fmt: skip


COMMANDS: dict[str, tuple[Callable[[], Machine], Callable[[Host], object]]] = {
    "deploy": (moved_on, deploying),
    "rollback": (two_deployed, lambda host: roll_back(host, None)),
    "undeploy": (two_deployed, lambda host: undeploy(host, host.graph.order[1])),
    "gc": (one_removed, lambda host: collect(host, Wanted())),
    "pull": (moved_on, lambda host: pull(host, parse_reference(APP), lease_us=HOUR, new_lease=lambda: "lease")),
    "bind": (moved_on, lambda host: bind(host, parse_reference("localhost/app:latest"), host.graph.order[0])),
    "pin": (two_deployed, lambda host: pin(host, "deployment", host.graph.order[1], until_us=None, reason="kept")),
}


class Crash(BaseException):
    """The process dies here."""


@pytest.mark.parametrize("name", COMMANDS)
def test_a_crash_at_any_step_is_finished_to_the_same_state(name: str) -> None:
    prepare, command = COMMANDS[name]
    whole = prepare()
    command(whole.process())
    wanted = picture(whole)
    step = 0
    while True:
        step += 1
        machine, left = prepare(), step

        def die(_: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Crash

        try:
            command(machine.process(die))
        except Crash:
            host = machine.process()
            ended = resume(host)
            observe(host)
            if not any(each.command == name for each in ended) and not _was_begun(machine, name):
                command(machine.process())
        else:
            break
        assert picture(machine) == wanted, f"{name}, crash at step {step}"
        assert resume(machine.process()) == []
    assert step > 3


def _was_begun(machine: Machine, name: str) -> bool:
    """Whether the last operation in the log is the one that was to be done (it completed before the crash)."""
    begun = [decode(entry) for entry in machine.log.entries(kinds=[OperationBegun.kind])]
    commands = [event.command for event in begun if isinstance(event, OperationBegun)]
    return commands[-1] == name and (name != "deploy" or commands.count("deploy") == 3)


@pytest.mark.parametrize("name", ["deploy", "rollback", "pull", "bind", "pin"])
def test_aborting_leaves_deployments_as_they_were(name: str) -> None:
    prepare, command = COMMANDS[name]
    for step in range(1, 30):
        machine, left = prepare(), step
        before = machine.os.deployments()

        def die(_: str) -> None:
            nonlocal left
            left -= 1
            if not left:
                raise Crash

        try:
            command(machine.process(die))
            break
        except Crash:
            host = machine.process()
            ended = resume(host, abort=True)
            if any(each.command == name for each in ended):
                assert machine.os.deployments() == before, f"{name}, crash at step {step}"
            assert resume(machine.process()) == []


def test_one_image_that_cannot_be_had_and_nothing_is_deployed_or_held() -> None:
    machine = Machine()
    machine.registry.push(APP, b"base", b"app")
    machine.registry.push(DB, b"db")
    machine.registry.broken.add("localhost/db")
    machine.commit("os/stable", BOUND)
    host = machine.process()
    with pytest.raises(ImageUnavailable, match="localhost/db"):
        deploying(host)
    assert machine.os.deployments() == ()
    assert not host.graph.operations
    assert not host.graph.held_images(host.now_us())
    collect(machine.process(), Wanted())
    assert not machine.store.view().images


def test_every_image_that_cannot_be_resolved_is_named() -> None:
    machine = Machine()
    machine.commit("os/stable", BOUND)
    with pytest.raises(ImageUnavailable) as caught:
        deploying(machine.process())
    assert APP in caught.value.message
    assert DB in caught.value.message


def test_a_present_image_is_not_pulled_again_and_names_follow_the_default() -> None:
    machine = two_deployed()
    assert len(machine.store.pulls) == 3, "db once, app twice"
    host = machine.process()
    named = machine.store.view().by_name(APP)
    roll_back(host, None)
    after = machine.store.view().by_name(APP)
    assert named is not None
    assert after is not None
    assert named.id != after.id
    assert all(stored.names for stored in machine.store.view().images.values()), "nobody is left without a name"


def test_rollback_refuses_what_could_not_run() -> None:
    machine = two_deployed()
    host = machine.process()
    image = next(iter(host.graph.in_order()[1].bindings.values())).image
    machine.store.delete(image)
    observe(host)
    with pytest.raises(Refused, match=image[:12]):
        roll_back(host, None)
    with pytest.raises(Refused, match="already"):
        roll_back(host, host.graph.order[0])


def test_collecting_in_batches_takes_all_and_records_each(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("application.pruning.BATCH", 2)
    machine = Machine()
    for number in range(5):
        name = f"localhost/n{number}:1"
        machine.registry.push(name, b"base", str(number).encode())
        pull(machine.process(), parse_reference(name), lease_us=0, new_lease=lambda number=number: f"l{number}")  # type: ignore[misc]
    host = machine.process()
    observe(host)
    due = collect(host, Wanted())
    assert len(due.prune.images) == 5
    assert not machine.store.view().layers
    assert not host.graph.layers
    assert plan(machine.process(), Wanted()).prune.images == ()


def test_a_plan_that_no_longer_holds_is_refused() -> None:
    machine = one_removed()
    host = machine.process()
    due = plan(host, Wanted())
    pin(host, "image", due.prune.images[0].id, until_us=None, reason="")
    with pytest.raises(Busy):
        collect(host, Wanted(expected=due.prune.plan))
    assert due.prune.images[0].id in machine.store.view().images
    unpin(host, "image", due.prune.images[0].id)
    collect(host, Wanted(expected=plan(host, Wanted()).prune.plan))
    with pytest.raises(NotFound):
        unpin(host, "deployment", host.graph.order[0])


def foreign(machine: Machine) -> ImageId:
    """Somebody else pulls an image."""
    name = "localhost/foreign:1"
    machine.registry.push(name, b"foreign")
    host = machine.process()
    resolved = host.source.resolve(parse_reference(name), host.registry)
    return machine.store.pull(resolved, host.registry, lambda text: None)


def test_what_others_brought_in_is_observed_once_and_never_pruned_unasked() -> None:
    machine = two_deployed()
    image = foreign(machine)
    host = machine.process()
    assert observe(host) > 0
    assert observe(host) == 0
    assert collect(host, Wanted()).prune.foreign == (image,)
    assert image in machine.store.view().images
    assert adopt_foreign(host) == [image]
    collect(host, Wanted())
    assert image not in machine.store.view().images


def test_what_others_did_to_deployments_is_observed() -> None:
    machine = two_deployed()
    second, first = (each.id for each in machine.os.deployments())
    machine.os.set_default(first)
    machine.os.pin(second, True)
    host = machine.process()
    assert observe(host) == 2
    assert host.graph.order == (first, second)
    assert host.graph.deployments[second].pinned
    machine.os.pin(second, False)
    machine.os.undeploy(second)
    observe(host)
    assert second not in host.graph.deployments
    commit = machine.os.resolve("os/stable")
    machine.os.deploy(commit, host.graph.deployments[first].stateroot, origin="os/stable", kargs=())
    observe(host)
    node = host.graph.in_order()[0]
    assert {binding.name for binding in node.bindings.values()} == set(BOUND), "its images are found and held"
    assert observe(host) == 0


def test_a_lease_ends_with_its_time() -> None:
    machine = Machine()
    machine.registry.push(APP, b"app")
    pull(machine.process(), parse_reference(APP), lease_us=HOUR, new_lease=lambda: "l")
    assert plan(machine.process(), Wanted()).prune.images == ()
    machine.clock.time_us += 2 * HOUR
    assert plan(machine.process(), Wanted(grace_us=3 * HOUR)).prune.images == ()
    assert len(plan(machine.process(), Wanted()).prune.images) == 1


def test_binding_by_hand() -> None:
    machine = two_deployed()
    machine.registry.push("localhost/extra:1", b"extra")
    host = machine.process()
    extra = bind(host, parse_reference("localhost/extra:1"), host.graph.order[0]).id
    assert plan(host, Wanted()).prune.images == ()
    with pytest.raises(Refused):
        unbind(host, DB, host.graph.order[0])
    with pytest.raises(NotFound):
        unbind(host, "localhost/never:1", host.graph.order[0])
    unbind(host, "localhost/extra:1", host.graph.order[0])
    assert [victim.id for victim in plan(host, Wanted()).prune.images] == [extra]


def test_a_consumer_holds_what_it_sits_on_and_an_unreadable_one_everything() -> None:
    machine = one_removed()
    host = machine.process()
    victim = plan(host, Wanted()).prune.images[0].id
    top = machine.store.view().images[victim].layer
    own = LayerId("f" * 64)
    layer = StoredLayer(own, top, None, None, 1, True)
    image = StoredImage(ImageId("e" * 64), None, (), ("x",), own, ())
    machine.consumers.views["/b"] = StoreView({image.id: image}, {own: layer}, (), b"1")
    add_consumer(host, "/b", None)
    assert plan(host, Wanted()).prune.images == ()
    del machine.consumers.views["/b"]
    with pytest.raises(Refused, match="/b"):
        collect(host, Wanted())
    assert observe_consumers(host, strict=False)
    machine.consumers.views["/b"] = StoreView({}, {}, (), b"2")
    assert [each.id for each in plan(host, Wanted()).prune.images] == [victim]


def test_a_container_of_the_stores_own_holds_its_image() -> None:
    machine = one_removed()
    host = machine.process()
    victim = plan(host, Wanted()).prune.images[0].id
    machine.store.containers.append(StoredContainer("c", ("mine",), victim, None))
    collected = collect(host, Wanted())
    assert collected.prune.images == ()
    assert any("container:c" in by for kept in collected.prune.kept for by in kept.by)


def test_what_is_refused_before_anything_happens() -> None:
    machine = two_deployed()
    before = len(machine.log.stored)
    host = machine.process()
    with pytest.raises(Usage):
        deploy(host, "os/stable", stateroot=None, source="https://user:secret@example.com/repo", kargs=())
    with pytest.raises(Usage):
        deploy(host, "os/stable", stateroot=None, source=None, kargs=("bad\nargument",))
    with pytest.raises(NotFound):
        undeploy(host, host.graph.order[0].replace("os-", "no-"))  # type: ignore[arg-type]
    assert len(machine.log.stored) == before


def test_a_consumer_that_is_only_found_by_looking_is_held_still_before_anything_is_deleted() -> None:
    machine = one_removed()
    host = machine.process()
    machine.consumers.views["/other"] = StoreView({}, {}, (), b"token")
    machine.consumers.configured = (FoundConsumer("/other", None, "storage.conf"),)
    held: list[tuple[str, ...]] = []
    host.journal.step = lambda name: held.append(machine.consumers.frozen_now) if "deleted" in name else None
    collect(host, Wanted())
    assert held
    assert set(held) == {("/other",)}
