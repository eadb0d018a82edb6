"""The real ostree in a directory: what is ostree's own, and what goes wrong around it."""

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from adapters.ostree.sysroot import OstreeSysroot, freed, karg_options
from adapters.process import Result, Runner
from domain.errors import BadInput, Busy, Drift, Failed, NotAStore, ProgramMissing, StoreError
from domain.quadlets import bound_images
from domain.values import Commit, DeploymentId, Stateroot
from tests.lab.os_trees import make_os_commit, make_repo, make_sysroot, remove_sysroot

OS = Stateroot("os")
ORDER = Path(__file__).parents[2] / "adapters/ostree/libostree_order.py"
# As an ostree that has the command; its work is done by the script that stands in for it otherwise.
NEWER_OSTREE = """#!/bin/sh
case "$1 $2" in
"admin --help") echo "  set-default   Make deployment the default" ;;
"admin set-default") echo "$4" >>"$STORECTL_TEST_CALLS"
    exec /usr/bin/python3 -I "$STORECTL_TEST_ORDER" "${3#--sysroot=}" $STORECTL_TEST_WANTED ;;
*) exec /usr/bin/ostree "$@" ;;
esac
"""


@pytest.fixture
def sysroot(tmp_path: Path) -> Iterator[Path]:
    yield tmp_path / "sysroot"
    remove_sysroot(tmp_path / "sysroot")


@pytest.fixture
def two(sysroot: Path, tmp_path: Path) -> OstreeSysroot:
    """A sysroot with two deployments of different commits."""
    made = OstreeSysroot(make_sysroot(sysroot), Runner())
    for version in "12":
        make_os_commit(tmp_path / "source", "os/x", version=version, bound={})
        made.deploy(made.fetch("os/x", str(tmp_path / "source")), OS, origin="os/x", kargs=())
    return made


def ids(os_tree: OstreeSysroot) -> list[DeploymentId]:
    return [each.id for each in os_tree.deployments()]


def interrupted(os_tree: OstreeSysroot, command: str, act: Callable[[], object]) -> OstreeSysroot:
    """The same, but another program acts just before ostree's `command` is run, once."""
    acted: list[object] = []

    def trace(level: int, text: str) -> None:
        if level == 1 and text.startswith(f"$ ostree admin {command}") and not acted:
            acted.append(True)
            act()

    return OstreeSysroot(os_tree.sysroot, Runner(trace))


# Making a sysroot


@pytest.mark.parametrize("gone", [["objects"], ["objects", "refs", "state", "extensions", "tmp", "config"]])
def test_what_a_crash_left_half_made_is_completed(sysroot: Path, gone: list[str]) -> None:
    """ostree makes the objects' directory last of all, the configuration first."""
    repo = make_repo(sysroot / "ostree/repo", "bare")
    for name in gone:
        subprocess.run(["rm", "-r", str(repo / name)], check=True)
    (sysroot / "ostree/deploy/os").mkdir(parents=True)
    made = OstreeSysroot(sysroot, Runner())
    assert not made.is_sysroot()
    assert made.initialise(OS)
    assert (made.is_sysroot(), made.stateroots(), made.initialise(OS)) == (True, (OS,), False)


def test_a_sysroot_of_an_installers_is_taken_as_it_is(sysroot: Path) -> None:
    make_sysroot(sysroot, "fedora")
    before = {place: place.lstat().st_mtime_ns for place in sysroot.rglob("*")}
    assert not OstreeSysroot(sysroot, Runner()).initialise(Stateroot("fedora"))
    assert {place: place.lstat().st_mtime_ns for place in sysroot.rglob("*")} == before


def test_a_sysroot_that_cannot_be_made(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Failed, match="cannot make the sysroot"):
        OstreeSysroot(tmp_path / "file/sysroot", Runner()).initialise(OS)


def test_a_directory_in_ostrees_own_that_is_no_stateroot(sysroot: Path) -> None:
    make_sysroot(sysroot)
    (sysroot / "ostree/deploy/-x/var").mkdir(parents=True)
    (sysroot / "ostree/deploy/unfinished").mkdir()
    assert OstreeSysroot(sysroot, Runner()).stateroots() == (OS,)


def test_no_sysroot_at_all(tmp_path: Path) -> None:
    nothing = OstreeSysroot(tmp_path / "none", Runner())
    assert (nothing.is_sysroot(), nothing.stateroots(), nothing.deployments(), nothing.prunable()) == (False, (), (), 0)
    with pytest.raises(NotAStore, match="none is not an ostree sysroot"):
        nothing.resolve("os/x")


def test_the_booted_sysroot_is_named_as_the_system_sees_it(sysroot: Path, tmp_path: Path) -> None:
    """Its /boot may be a file system of its own, mounted on /boot and not on /sysroot/boot."""
    make_sysroot(sysroot)
    host = tmp_path / "host"
    (host / "run").mkdir(parents=True)
    (host / "ostree").symlink_to(sysroot / "ostree")
    made = OstreeSysroot(sysroot, Runner(), host)
    assert made._root == sysroot
    (host / "run/ostree-booted").touch()
    assert made._root == host
    assert OstreeSysroot(tmp_path / "another", Runner(), host)._root == tmp_path / "another"


# Deploying


def test_a_remotes_ref_becomes_the_origin(sysroot: Path, tmp_path: Path) -> None:
    made = OstreeSysroot(make_sysroot(sysroot), Runner())
    commit = Commit(make_os_commit(tmp_path / "source", "os/x", version="1", bound={}))
    made.runner.run(
        ["ostree", "remote", "add", f"--repo={made.repo}", "--no-gpg-verify", "r", (tmp_path / "source").as_uri()]
    )
    made.fetch("os/x", "r")
    for origin in ("os/x", "r:os/x", "os/none"):
        made.deploy(commit, OS, origin=origin, kargs=())
    assert [each.origin for each in made.deployments()] == [commit, "r:os/x", "r:os/x"]


def test_nothing_is_mounted_afterwards(two: OstreeSysroot) -> None:
    two.undeploy(ids(two)[1])
    assert str(two.sysroot) not in Path("/proc/self/mountinfo").read_text()


def test_a_commit_without_a_kernel_is_refused_before_anything_is_written(two: OstreeSysroot, tmp_path: Path) -> None:
    make_os_commit(tmp_path / "source", "os/y", version="3", bound={}, kernel=False)
    commit = two.fetch("os/y", str(tmp_path / "source"))
    with pytest.raises(BadInput, match="it has no kernel"):
        two.deploy(commit, OS, origin="os/y", kargs=())
    assert not list(two.sysroot.glob(f"ostree/deploy/os/deploy/{commit}*"))


def test_a_file_that_ostree_refuses_is_told_in_its_words(two: OstreeSysroot, tmp_path: Path) -> None:
    extra = {"etc/x": "both /etc and /usr/etc"}
    make_os_commit(tmp_path / "source", "os/y", version="3", bound={}, extra={**extra, "usr/etc/x": "x"})
    commit = two.fetch("os/y", str(tmp_path / "source"))
    before = ids(two)
    with pytest.raises(Failed, match=f"cannot deploy {commit[:12]}: .*etc"):
        two.deploy(commit, OS, origin="os/y", kargs=())
    assert ids(two) == before


def test_a_deployments_own_etc_survives_the_swap(two: OstreeSysroot) -> None:
    """Deploying the old commit again would merge /etc anew: not so a rollback."""
    new, old = ids(two)
    place = two.sysroot / f"ostree/deploy/os/deploy/{old.removeprefix('os-')}/etc/only-here"
    place.write_text("kept")
    two.set_default(old)
    two.set_default(new)
    two.set_default(old)
    assert (ids(two), place.read_text()) == ([old, new], "kept")
    entries = sorted((two.sysroot / "boot/loader/entries").glob("*.conf"))
    assert "title Demo 1 " in entries[-1].read_text(), "the boot loader starts the entry of the highest version"


def test_both_trees_bind_the_same_with_an_administrators_drop_in(sysroot: Path, tmp_path: Path) -> None:
    made = OstreeSysroot(make_sysroot(sysroot), Runner())
    extra = {"usr/etc/containers/systemd/a.image.d/1.conf": "[Image]\nImage=quay.io/a:2\n"}
    make_os_commit(tmp_path / "source", "os/x", version="1", bound={"a.image": "quay.io/a:1"}, extra=extra)
    commit = made.fetch("os/x", str(tmp_path / "source"))
    made.deploy(commit, OS, origin="os/x", kargs=())
    trees = (made.tree(commit), made.deployed_tree(ids(made)[0]))
    assert [[item.text for item in bound_images(tree)] for tree in trees] == [["quay.io/a:2"]] * 2


# The order


def test_the_order_through_ostrees_own_command_where_it_has_one(two: OstreeSysroot, tmp_path: Path) -> None:
    new, old = ids(two)
    program = tmp_path / "bin/ostree"
    program.parent.mkdir()
    program.write_text(NEWER_OSTREE)
    program.chmod(0o755)
    environment = {
        "PATH": f"{program.parent}:{os.environ['PATH']}", "STORECTL_TEST_CALLS": str(tmp_path / "calls"),
        "STORECTL_TEST_ORDER": str(ORDER), "STORECTL_TEST_WANTED": f"{old} {new}",
    }  # fmt: skip
    OstreeSysroot(two.sysroot, Runner(environment=environment)).set_default(old)
    assert (ids(two), (tmp_path / "calls").read_text()) == ([old, new], "1\n")


def test_the_order_of_other_deployments_than_there_are(two: OstreeSysroot) -> None:
    before = ids(two)
    for wanted in (before[:1], [*before, before[0]], [before[0], f"os-{'f' * 64}.0"]):
        done = subprocess.run(
            ["/usr/bin/python3", "-I", str(ORDER), str(two.sysroot), *wanted], check=False, stdin=subprocess.DEVNULL
        )
        assert done.returncode == 4
    assert ids(two) == before


def test_the_deployments_change_while_the_order_is_written(two: OstreeSysroot) -> None:
    new, old = ids(two)
    meanwhile = interrupted(two, "--help", lambda: two.undeploy(new))
    with pytest.raises(Busy, match="changed meanwhile"):
        meanwhile.set_default(old)
    assert ids(two) == [old]


def test_another_program_holds_the_sysroot(two: OstreeSysroot) -> None:
    before = ids(two)
    script = (
        "import sys, gi; gi.require_version('OSTree', '1.0'); from gi.repository import Gio, OSTree\n"
        "s = OSTree.Sysroot.new(Gio.File.new_for_path(sys.argv[1])); s.initialize(); s.lock()\n"
        "print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        ["/usr/bin/python3", "-I", "-c", script, str(two.sysroot)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(Busy, match="holds the sysroot"):
            two.set_default(before[1])
        holder.communicate(b"")
    assert ids(two) == before


def test_the_binding_is_not_installed(two: OstreeSysroot, monkeypatch: pytest.MonkeyPatch) -> None:
    before = ids(two)
    # Without the packages that the distribution installed, as with -S.
    done = subprocess.run(
        ["/usr/bin/python3", "-I", "-S", str(ORDER), str(two.sysroot), *before], check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == 3
    monkeypatch.setattr("adapters.ostree.sysroot._SYSTEM_PYTHON", _without_site(two.sysroot.parent))
    with pytest.raises(ProgramMissing, match="Python binding is not installed") as caught:
        two.set_default(before[1])
    assert "gir1.2-ostree-1.0" in caught.value.hint
    assert ids(two) == before


def _without_site(directory: Path) -> str:
    program = directory / "python3"
    program.write_text(f'#!/bin/sh\nshift 2\nexec /usr/bin/python3 -I -S {ORDER} "$@"\n')
    program.chmod(0o755)
    return str(program)


# Another program changes what an index means


def test_the_wrong_deployment_went(two: OstreeSysroot, tmp_path: Path) -> None:
    new, old = ids(two)
    commit = two.resolve("os/x")

    def deploy() -> None:
        two.deploy(commit, OS, origin="os/x", kargs=())

    with pytest.raises(Drift, match=f"while {old} was to be removed, {new} went"):
        interrupted(two, "undeploy", deploy).undeploy(old)
    assert old in ids(two)


def test_the_wrong_deployment_was_pinned(two: OstreeSysroot) -> None:
    new, old = ids(two)
    with pytest.raises(Busy, match="changed meanwhile"):
        interrupted(two, "pin", lambda: two.set_default(old)).pin(new, True)


def test_a_root_that_ostree_left_behind_goes(two: OstreeSysroot) -> None:
    """ostree was killed after it had taken the deployment out of the order, and before it removed its files."""
    gone = two.sysroot / f"ostree/deploy/os/deploy/{'f' * 64}.0"
    gone.mkdir()
    two.undeploy(DeploymentId(f"os-{'f' * 64}.0"))
    assert not gone.exists()


@pytest.mark.parametrize("name", ["os-x", "", "../x"])
def test_names_that_are_none(two: OstreeSysroot, name: str) -> None:
    for call in (two.undeploy, two.deployed_tree, two.set_default):
        with pytest.raises(StoreError, match="deployment"):
            call(DeploymentId(name))


def test_a_damaged_object_is_found(two: OstreeSysroot) -> None:
    place = next(path for path in (two.repo / "objects").glob("*/*.file") if path.is_file() and not path.is_symlink())
    place.write_bytes(b"damaged")
    (problem,) = two.check()
    assert place.parent.name + place.stem in problem


# Words and sizes


def test_the_first_of_a_name_replaces_and_the_others_are_appended() -> None:
    assert karg_options(["console=tty0", "quiet", "console=ttyS0"]) == [
        "--karg=console=tty0", "--karg=quiet", "--karg-append=console=ttyS0",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Total objects: 24\nNo unreachable objects\n", 0),
        ("Total objects: 24\nDeleted 12 objects, 1.2\N{NO-BREAK SPACE}kB freed\n", 1200),
        ("Would delete: 3 objects, freeing 512 bytes\n", 512),
        ("Would delete: 3 objects, freeing 4.5\N{NO-BREAK SPACE}GB\n", 4_500_000_000),
        ("Would delete: 1 objects, freeing 0 bytes\n", 1),
        ("Freed objects: 1 byte\n", 1),
    ],
)
def test_sizes_as_ostree_says_them(text: str, expected: int) -> None:
    assert freed(Result(("ostree",), 0, text.encode(), b"")) == expected


def test_what_is_said_to_be_prunable_is_about_what_goes(two: OstreeSysroot, tmp_path: Path) -> None:
    extra = {"usr/big": os.urandom(300_000)}
    first = make_os_commit(tmp_path / "source", "os/z", version="big", bound={}, extra=extra)
    two.fetch(first, str(tmp_path / "source"))
    before = _size(two.repo)
    said = two.prunable()
    assert two.prune() == said
    assert said == pytest.approx(before - _size(two.repo), rel=0.2)


def _size(repo: Path) -> int:
    return sum(place.stat().st_size for place in (repo / "objects").rglob("*") if place.is_file())
