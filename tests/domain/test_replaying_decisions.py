"""Steps of a replay: from a graph, and from every event."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisions import replaying as steps
from domain.events.base import Event
from domain.events.deployment import DeploymentDeployed, DeploymentRemoved, DeploymentRolledBack, DeploymentSealed
from domain.events.deployment import SealedImage as Member
from domain.events.image import ImagePruned, ImagePulled
from domain.events.store import StaterootCreated
from domain.graph import Binding, DeploymentNode, ReferenceGraph
from domain.values import Commit, DeploymentId, Digest, ImageId, OperationId, Stateroot

OS = Stateroot("os")
IMAGE, OTHER = ImageId("a" * 64), ImageId("b" * 64)
DIGEST = Digest("sha256:" + "c" * 64)


def deployment(commit: str, serial: int) -> DeploymentNode:
    name = DeploymentId(f"os-{commit * 64}.{serial}")
    node = DeploymentNode(name, OS, Commit(commit * 64), serial, "os/stable", ("quiet",), serial + 1, None)
    node.bindings["app"] = Binding("app", "app:1", DIGEST, IMAGE, 1, False)
    return node


def test_the_shortest_way_makes_serials_grow_and_writes_the_order_last() -> None:
    graph = ReferenceGraph()
    nodes = [deployment("1", 2), deployment("2", 0), deployment("1", 0)]
    graph.deployments = {node.id: node for node in nodes}
    graph.order = tuple(node.id for node in nodes)
    way = list(steps.shortest(graph, [Stateroot("second")]))
    assert way[:2] == [steps.HaveStateroot(OS), steps.HaveStateroot(Stateroot("second"))]
    made = [step for step in way if isinstance(step, steps.HaveDeployment)]
    assert [step.deployment[-1] for step in made] == ["0", "0", "2"]
    assert {step.needs for step in made} == {(IMAGE,)}
    assert steps.HaveOrder(graph.order) in way[way.index(made[-1]) :]


def test_every_operation_again_in_its_order() -> None:
    name, operation = DeploymentId(f"os-{'1' * 64}.0"), OperationId("0" * 16)
    sealed = DeploymentSealed(operation, OS, Commit("1" * 64), (Member("app", "app:1", DIGEST, IMAGE),))
    deployed = DeploymentDeployed(name, OS, Commit("1" * 64), 0, "os/stable", (), operation, (name,))
    events: list[Event] = [
        StaterootCreated(OS), ImagePulled(IMAGE, DIGEST, None, DIGEST, (), "app:1", (), 0), sealed, deployed,
        DeploymentRolledBack(name, name, (name,)), DeploymentRemoved(name, "gone", ()),
        ImagePruned(IMAGE, DIGEST, (), 0),
    ]  # fmt: skip
    assert list(steps.every(events)) == [
        steps.HaveStateroot(OS),
        steps.HaveImage(IMAGE),
        steps.HaveStateroot(OS),
        steps.HaveDeployment(name, OS, Commit("1" * 64), "os/stable", (), (IMAGE,)),
        steps.HaveOrder((name,)),
        steps.HaveOrder((name,)),
        steps.DropDeployment(name),
        steps.HaveOrder(()),
        steps.DropImage(IMAGE),
    ]


def test_in_the_end_nothing_is_left_of_what_is_not_in_the_graph() -> None:
    assert list(steps.closing(ReferenceGraph(), [IMAGE, OTHER])) == [
        steps.DropImage(IMAGE),
        steps.DropImage(OTHER),
        steps.HaveOrder(()),
    ]


@pytest.mark.parametrize(
    ("origin", "wanted"),
    [("host", "host/2"), ("host/2", "host/3"), ("a/b/9", "a/b/10"), ("host/1", "host/1/2"), ("host/02", "host/02/2")],
)
def test_the_next_origin(origin: str, wanted: str) -> None:
    assert steps.next_origin(origin) == wanted


@given(st.from_regex(r"[a-z]{1,5}(/[a-z0-9]{1,3}){0,2}", fullmatch=True), st.integers(1, 5))
def test_no_origin_comes_twice(origin: str, times: int) -> None:
    seen = [origin]
    for _ in range(times):
        seen.append(steps.next_origin(seen[-1]))
    assert len(set(seen)) == len(seen)
