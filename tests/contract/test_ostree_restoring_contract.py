"""Putting deployments back as they were recorded, on the fake in memory and on the real ostree alike."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from domain.errors import Failed, NotFound, Usage
from domain.values import Commit, DeploymentId
from tests.contract.test_ostree_contract import OS, OTHER, World, fake_world, real_world
from tests.lab.os_trees import remove_sysroot


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    made = fake_world() if request.param == "fake" else real_world(tmp_path)
    made.os.initialise(OS)
    made.os.initialise(OTHER)
    yield made
    remove_sysroot(tmp_path / "sysroot")


def test_a_deployment_comes_back_with_its_serial_origin_and_arguments(world: World) -> None:
    commit = world.fetched("os/a", "1")
    second = DeploymentId(f"{OS}-{commit}.2")
    kargs = ("console=ttyS0", "quiet", "console=tty0")
    world.os.restore(second, origin="elsewhere:os/b", kargs=kargs)
    world.os.restore(second, origin="elsewhere:os/b", kargs=kargs)
    (there,) = world.os.deployments()
    assert (there.id, there.serial, there.origin, there.kargs) == (second, 2, "elsewhere:os/b", kargs)
    # Arguments are not carried over from what is there, and stateroots do not matter to each other.
    other = DeploymentId(f"{OTHER}-{commit}.0")
    world.os.restore(other, origin="", kargs=())
    assert {each.id: (each.kargs, each.origin) for each in world.os.deployments()}[other] == ((), commit)
    with pytest.raises(Failed, match="serial"):
        world.os.restore(DeploymentId(f"{OS}-{commit}.0"), origin="", kargs=())
    assert {each.id for each in world.os.deployments()} == {second, other}


def test_what_is_not_there_cannot_be_restored(world: World) -> None:
    commit = world.fetched("os/a", "1")
    for name in (f"{OS}-{'f' * 64}.0", f"none-{commit}.0"):
        with pytest.raises((NotFound, Failed)):
            world.os.restore(DeploymentId(name), origin="", kargs=())
    assert world.os.deployments() == ()


def test_any_order_can_be_written(world: World) -> None:
    names = world.deployed("1", "2", "3")
    wanted = [names[2], names[0], names[1]]
    world.os.set_order(wanted)
    assert world.ids() == wanted
    world.os.set_order(wanted)
    with pytest.raises(Failed):
        world.os.set_order(wanted[:2])
    assert world.ids() == wanted


def test_a_ref_means_the_commit_again(world: World) -> None:
    first, second = world.fetched("os/a", "1"), world.fetched("os/a", "2")
    world.os.name_commit("os/a", first)
    assert world.os.resolve("os/a") == first
    world.os.name_commit("os/b", second)
    assert world.os.resolve("os/b") == second
    world.os.name_commit(first, Commit(first))  # a checksum is no ref
    with pytest.raises(Usage):
        world.os.name_commit("--option", first)
