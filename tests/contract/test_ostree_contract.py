"""What every OsTree promises: the one in memory, and the real one in a directory."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.ostree.sysroot import OstreeSysroot
from adapters.process import Runner
from domain.errors import Ambiguous, Failed, NotAStore, NotFound, Usage
from domain.ports import OsTree
from domain.quadlets import BOUND_IMAGES, bound_images
from domain.values import Commit, DeploymentId, Stateroot
from tests.fakes.ostree import FakeOsTree, FakeRepo
from tests.lab.os_trees import make_os_commit, make_repo, quadlet, remove_sysroot

OS, OTHER = Stateroot("os"), Stateroot("other")
UNITS = "/usr/share/containers/systemd"


@dataclass
class World:
    """A sysroot, and a repository to fetch from. `commit(branch, version, bound, kernel)` makes a commit there."""

    os: OsTree
    source: str
    commit: Callable[..., Commit]

    def fetched(self, branch: str, version: str, bound: Mapping[str, str] | None = None) -> Commit:
        commit = self.commit(branch, version, bound)
        assert self.os.fetch(branch, self.source) == commit
        return commit

    def deployed(self, *versions: str) -> list[DeploymentId]:
        """One deployment for each, made in this order; in ostree's order, the last made first."""
        self.os.initialise(OS)
        for version in versions:
            self.os.deploy(self.fetched(f"os/{version}", version), OS, origin=f"os/{version}", kargs=())
        return self.ids()

    def ids(self) -> list[DeploymentId]:
        return [each.id for each in self.os.deployments()]


def fake_world() -> World:
    repo = FakeRepo()

    def commit(branch: str, version: str, bound: Mapping[str, str] | None = None, kernel: bool = True) -> Commit:
        files = {f"{UNITS}/{name}": quadlet(name, image) for name, image in (bound or {}).items()}
        links = {f"{BOUND_IMAGES}/{name}": f"{UNITS}/{name}" for name in bound or {}}
        return repo.add(branch, {**files, "/usr/lib/os-release": version}, links, kernel=kernel)

    return World(FakeOsTree(sources={"/source": repo}), "/source", commit)


def real_world(directory: Path) -> World:
    source, last = make_repo(directory / "source"), dict[str, str]()

    def commit(branch: str, version: str, bound: Mapping[str, str] | None = None, kernel: bool = True) -> Commit:
        parent = last.get(branch)
        made = make_os_commit(source, branch, version=version, bound=bound or {}, parent=parent, kernel=kernel)
        last[branch] = made
        return Commit(made)

    # As it is when storectl's log is there before the sysroot is.
    (directory / "sysroot/ostree/storectl").mkdir(parents=True)
    return World(OstreeSysroot(directory / "sysroot", Runner()), str(source), commit)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[World]:
    yield fake_world() if request.param == "fake" else real_world(tmp_path)
    remove_sysroot(tmp_path / "sysroot")


def test_a_sysroot_is_made_once_and_completed(world: World) -> None:
    assert (world.os.is_sysroot(), world.os.stateroots(), world.ids(), world.os.prunable()) == (False, (), [], 0)
    assert [world.os.initialise(name) for name in (OTHER, OTHER, OS, OS)] == [True, False, True, False]
    assert (world.os.is_sysroot(), world.os.stateroots(), world.ids()) == (True, (OS, OTHER), [])


def test_without_a_sysroot_nothing_is_fetched_resolved_or_deployed(world: World) -> None:
    commit = world.commit("os/a", "1")
    calls: list[Callable[[], Any]] = [
        lambda: world.os.fetch("os/a", world.source), lambda: world.os.resolve("os/a"), world.os.prune,
        lambda: world.os.deploy(commit, OS, origin="os/a", kargs=()),
    ]  # fmt: skip
    for call in calls:
        with pytest.raises(NotAStore):
            call()


def test_a_commit_is_found_by_every_name_it_has(world: World) -> None:
    world.os.initialise(OS)
    first, second = world.fetched("os/a", "1"), world.fetched("os/a", "2")
    assert {world.os.resolve(name) for name in ("os/a", second, second[:6], second[:40])} == {second}
    assert {world.os.resolve(name) for name in ("os/a^", first, first[:6])} == {first}


@pytest.mark.parametrize("name", ["os/none", "os/a^", "os", "none:os/a", "f" * 64, "ffffff"])
def test_an_unknown_name_is_not_found(world: World, name: str) -> None:
    world.os.initialise(OS)
    commit = world.fetched("os/a", "1")
    with pytest.raises(NotFound):
        world.os.resolve(name)
    with pytest.raises(NotFound):
        world.os.resolve(commit[:5])


@pytest.mark.parametrize("name", ["", "-x", "--repo=/", "../os/a", "os/../a", "/os/a", "os/a\n", "a:b:c", "^", "os//a"])
def test_what_cannot_be_a_name_is_refused(world: World, name: str) -> None:
    world.os.initialise(OS)
    with pytest.raises(Usage):
        world.os.resolve(name)
    with pytest.raises(Usage):
        world.os.fetch(name, world.source)


def test_a_short_prefix_can_be_ambiguous(world: World, tmp_path: Path) -> None:
    world.os.initialise(OS)
    commit = world.fetched("os/a", "1")
    twin = Commit(commit[:8] + "0" * 56)
    if isinstance(world.os, FakeOsTree):
        world.os.repo.commits[twin] = world.os.repo.commits[commit]
    else:
        place = tmp_path / f"sysroot/ostree/repo/objects/{commit[:2]}"
        (place / f"{twin[2:]}.commit").write_bytes((place / f"{commit[2:]}.commit").read_bytes())
    with pytest.raises(Ambiguous):
        world.os.resolve(commit[:8])
    assert world.os.resolve(commit[:20]) == commit


def test_fetching_takes_refs_checksums_and_prefixes(world: World) -> None:
    world.os.initialise(OS)
    first, second = world.commit("os/a", "1"), world.commit("os/a", "2")
    assert world.os.fetch(first, world.source) == first
    with pytest.raises(NotFound):
        world.os.resolve("os/a")
    assert world.os.fetch("os/a", world.source) == second == world.os.resolve("os/a")
    assert world.os.fetch(first[:10], world.source) == first
    assert world.os.resolve("os/a") == second, "a checksum moves no ref"


@pytest.mark.parametrize(("name", "source"), [("os/none", None), ("f" * 64, None), ("os/a", "/nowhere"), ("os/a", "x")])
def test_what_cannot_be_fetched_says_so(world: World, name: str, source: str | None) -> None:
    world.os.initialise(OS)
    world.commit("os/a", "1")
    with pytest.raises(NotFound):
        world.os.fetch(name, source or world.source)


def test_a_commit_and_its_deployment_bind_the_same(world: World) -> None:
    world.os.initialise(OS)
    commit = world.fetched("os/a", "1", {"b.image": "quay.io/b:1", "a.container": "quay.io/a:1"})
    world.os.deploy(commit, OS, origin="os/a", kargs=())
    before, after = bound_images(world.os.tree(commit)), bound_images(world.os.deployed_tree(world.ids()[0]))
    assert before == after
    assert [(item.file, item.text) for item in after] == [("a.container", "quay.io/a:1"), ("b.image", "quay.io/b:1")]


def test_trees_of_what_is_not_there(world: World) -> None:
    (there,) = world.deployed("1")
    with pytest.raises(NotFound):
        world.os.tree(Commit("f" * 64))
    with pytest.raises(NotFound):
        world.os.deployed_tree(DeploymentId(re.sub(r"\.0$", ".1", there)))


def test_the_newest_deployment_is_the_default_and_all_are_kept(world: World) -> None:
    ids = world.deployed("1", "2", "3")
    commits = [world.os.resolve(f"os/{version}") for version in "321"]
    assert [each.commit for each in world.os.deployments()] == commits
    assert ids == [f"os-{commit}.0" for commit in commits]
    assert [each.origin for each in world.os.deployments()] == ["os/3", "os/2", "os/1"]
    assert {(each.stateroot, each.booted, each.staged, each.pinned) for each in world.os.deployments()} == {
        (OS, False, False, False)
    }


def test_the_same_commit_again_is_another_deployment(world: World) -> None:
    (first,) = world.deployed("1")
    commit = world.os.resolve("os/1")
    world.os.initialise(OTHER)
    world.os.deploy(commit, OS, origin="os/1", kargs=())
    world.os.deploy(commit, OTHER, origin="os/1", kargs=())
    assert world.ids() == [f"other-{commit}.0", f"os-{commit}.1", first]
    assert [each.serial for each in world.os.deployments()] == [0, 1, 0]


def test_the_origin_is_the_ref_if_it_means_the_commit(world: World) -> None:
    world.os.initialise(OS)
    first, second = world.fetched("os/a", "1"), world.fetched("os/a", "2")
    for commit, origin in ((first, "os/a"), (second, second[:8]), (second, "os/a"), (first, "os/a^")):
        world.os.fetch(commit, world.source)  # unheld, it may have been pruned
        world.os.deploy(commit, OS, origin=origin, kargs=())
    assert [each.origin for each in world.os.deployments()] == [first, "os/a", second, first]


def test_kernel_arguments_are_carried_over_replaced_and_appended(world: World) -> None:
    world.os.initialise(OS)
    world.os.initialise(OTHER)
    commit = world.fetched("os/a", "1")
    for stateroot, kargs in (
        (OS, ["quiet", 'x="a b"', "init=/a", "console=tty0", "console=ttyS0"]),
        (OS, []),
        (OS, ["rw"]),
        (OTHER, ["rw"]),
        (OS, ["console=ttyS1", "quiet", "init=/b"]),
    ):
        world.os.deploy(commit, stateroot, origin="os/a", kargs=kargs)
    assert [sorted(each.kargs) for each in reversed(world.os.deployments())] == [
        ["console=tty0", "console=ttyS0", "init=/a", "quiet", 'x="a b"'],
        ["console=tty0", "console=ttyS0", "init=/a", "quiet", 'x="a b"'],
        ["console=tty0", "console=ttyS0", "init=/a", "quiet", "rw", 'x="a b"'],
        ["rw"],
        ["console=ttyS1", "init=/b", "quiet", "rw", 'x="a b"'],
    ]


@pytest.mark.parametrize("karg", ["a\nlinux /other", "a b", "", "ostree=/x"])
def test_no_kernel_argument_can_damage_the_boot_loader_entry(world: World, karg: str) -> None:
    ids = world.deployed("1")
    with pytest.raises(Usage, match="kernel argument"):
        world.os.deploy(world.os.resolve("os/1"), OS, origin="os/1", kargs=["quiet", karg])
    assert world.ids() == ids


def test_a_failed_deployment_leaves_no_trace(world: World) -> None:
    ids = world.deployed("1")
    commit = world.commit("os/none", "2", None, False)
    world.os.fetch("os/none", world.source)
    with pytest.raises(Failed, match=commit[:12]):
        world.os.deploy(commit, OS, origin="os/none", kargs=())
    with pytest.raises(NotFound, match="no stateroot nowhere"):
        world.os.deploy(commit, Stateroot("nowhere"), origin="os/none", kargs=())
    with pytest.raises(NotFound):
        world.os.deploy(Commit("f" * 64), OS, origin="os/none", kargs=())
    assert world.ids() == ids


def test_the_order_is_swapped_and_swapped_back(world: World) -> None:
    third, second, first = world.deployed("1", "2", "3")
    before = {each.id: each for each in world.os.deployments()}
    orders = []
    for default in (second, third, first, first):
        world.os.set_default(default)
        orders.append(world.ids())
    assert orders == [[second, third, first], [third, second, first], *[[first, third, second]] * 2]
    assert {each.id: each for each in world.os.deployments()} == before, "nothing but the order changes"


def test_deployments_go_one_by_one_and_only_once(world: World) -> None:
    third, second, first = world.deployed("1", "2", "3")
    for gone, left in ((second, [third, first]), (second, [third, first]), (third, [first]), (first, []), (first, [])):
        world.os.undeploy(gone)
        assert world.ids() == left
    with pytest.raises(NotFound):
        world.os.deployed_tree(second)


def test_pins(world: World) -> None:
    second, first = world.deployed("1", "2")
    pinned = []
    for name, wanted in ((first, True), (first, True), (second, True), (first, False), (first, False)):
        world.os.pin(name, wanted)
        pinned.append([each.pinned for each in world.os.deployments()])
    assert pinned == [[False, True], [False, True], [True, True], [True, False], [True, False]]
    world.os.set_default(first)
    assert [each.pinned for each in world.os.deployments()] == [False, True], "a pin moves with its deployment"


def test_what_is_not_deployed_cannot_be_default_or_pinned(world: World) -> None:
    world.deployed("1")
    gone = DeploymentId(f"os-{'f' * 64}.0")
    with pytest.raises(NotFound):
        world.os.set_default(gone)
    for pinned in (True, False):
        with pytest.raises(NotFound):
            world.os.pin(gone, pinned)
    world.os.undeploy(gone)


def test_nothing_is_wrong_with_what_was_just_made(world: World) -> None:
    world.deployed("1", "2")
    assert world.os.check() == []


def test_pruning_takes_what_neither_ref_nor_deployment_holds(world: World) -> None:
    (deployed,) = world.deployed("1")
    first, second = world.commit("os/a", "2"), world.commit("os/a", "3")
    assert world.os.prunable() == 0
    world.os.fetch("os/a", world.source)
    assert world.os.prunable() == 0
    world.os.fetch(first, world.source)
    expected = world.os.prunable()
    assert expected > 0
    assert world.os.resolve(first) == first, "asking deletes nothing"
    assert world.os.prune() == expected
    assert (world.os.prunable(), world.os.prune()) == (0, 0)
    with pytest.raises(NotFound):
        world.os.resolve(first)
    assert world.os.resolve("os/a") == second
    assert world.ids() == [deployed]


@pytest.mark.parametrize("change", ["deploy", "set_default"])
def test_deploying_and_reordering_prune_nothing(world: World, change: str) -> None:
    _, first = world.deployed("1", "2")
    unheld = world.commit("os/a", "3")
    world.os.fetch(unheld, world.source)
    if change == "deploy":
        world.os.deploy(world.os.resolve("os/1"), OS, origin="os/1", kargs=())
    else:
        world.os.set_default(first)
    assert world.os.resolve(unheld) == unheld
    assert world.os.prunable() > 0


def test_undeploying_prunes_as_ostree_does(world: World) -> None:
    second, _ = world.deployed("1", "2")
    unheld = world.commit("os/a", "3")
    world.os.fetch(unheld, world.source)
    world.os.undeploy(second)
    with pytest.raises(NotFound):
        world.os.resolve(unheld)
