"""What every RootTree promises: one in memory, a directory, a commit in an archive and in a bare repository."""

import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from adapters.files.root_directory import RootDirectory
from adapters.ostree.tree import CommitTree
from adapters.process import Runner
from domain.errors import BadInput, NotFound
from domain.quadlets import bound_images
from domain.roots import MAX_FILE_BYTES, RootTree
from domain.values import Commit
from tests.fakes.root_tree import FakeRootTree
from tests.lab.os_trees import make_repo

Build = Callable[[Mapping[str, str | bytes], Mapping[str, str]], RootTree]
ODD = ["a b", "a\nb", "a -> b", "-00644 0 0      1 x", "\n-00644 0 0      0 ", "ü", "'\"\\", "%d", "-R", "*"]


def in_directory(root: Path, files: Mapping[str, str | bytes], links: Mapping[str, str]) -> Path:
    for path, content in files.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(content.encode() if isinstance(content, str) else content)
    for path, target in links.items():
        place = root / path.lstrip("/")
        place.parent.mkdir(parents=True, exist_ok=True)
        place.symlink_to(target)
    return root


@pytest.fixture(params=["fake", "directory", "archive", "bare"])
def build(request: pytest.FixtureRequest, tmp_path: Path) -> Build:
    def made(files: Mapping[str, str | bytes], links: Mapping[str, str]) -> RootTree:
        if request.param == "fake":
            return FakeRootTree(files, links)
        root = tmp_path / "root"
        root.mkdir()
        in_directory(root, files, links)
        if request.param == "directory":
            return RootDirectory(root)
        repo = make_repo(tmp_path / "repo", request.param)
        done = subprocess.run(
            ["ostree", "commit", f"--repo={repo}", "--branch=x", f"--tree=dir={root}"],
            check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        return CommitTree(repo, Commit(done.stdout.strip()), Runner())

    return made


def test_kinds_without_following_links(build: Build) -> None:
    tree = build({"/usr/lib/file": "x"}, {"/link": "usr/lib", "/gone": "/nothing"})
    kinds = {path: tree.kind(path) for path in ("/", "/usr", "/usr/lib/file", "/link", "/gone", "/none", "/none/below")}
    assert kinds == {
        "/": "directory", "/usr": "directory", "/usr/lib/file": "file", "/link": "symlink", "/gone": "symlink",
        "/none": None, "/none/below": None,
    }  # fmt: skip
    assert tree.kind("/link/file") is None, "a link on the way is not followed"
    assert tree.kind("/usr/lib/file/x") is None


def test_names_sorted_contents_and_link_texts(build: Build) -> None:
    tree = build({"/d/b": "1", "/d/a": b"\x00\xff", "/d/c/x": "", "/d/empty": ""}, {"/d/l": "../d//a", "/d/m": "x"})
    assert tree.names("/d") == ("a", "b", "c", "empty", "l", "m")
    assert tree.names("/d/c") == ("x",)
    assert tree.names("/") == ("d",)
    assert (tree.read("/d/a"), tree.read("/d/b"), tree.read("/d/empty")) == (b"\x00\xff", b"1", b"")
    assert (tree.readlink("/d/l"), tree.readlink("/d/m")) == ("../d//a", "x")


@pytest.mark.parametrize("order", [1, -1])
def test_names_and_link_texts_may_hold_anything(build: Build, order: int) -> None:
    links = {f"/d/l{number}": text for number, text in enumerate(ODD)}
    tree = build({f"/d/{name}": name for name in ODD[::order]}, links)
    assert tree.names("/d") == tuple(sorted([*ODD, *(f"l{number}" for number in range(len(ODD)))]))
    assert {name: tree.kind(f"/d/{name}") for name in ODD} == dict.fromkeys(ODD, "file")
    assert [tree.readlink(path) for path in links] == list(links.values())
    assert {name: tree.read(f"/d/{name}").decode() for name in ODD} == {name: name for name in ODD}


def test_odd_names_looked_up_by_themselves(build: Build) -> None:
    tree = build(
        {f"/{name}/x": "x" for name in ODD[:5]}, {"/l": "a\nb -> c", "/m": "\n-00644 0 0      0 /a\n-00644 0 0 0 /l"}
    )
    assert {name: tree.kind(f"/{name}/x") for name in ODD[:5]} == dict.fromkeys(ODD[:5], "file")
    assert tree.readlink("/l") == "a\nb -> c"
    assert tree.readlink("/m").endswith(" /l")


def test_what_is_not_there_or_something_else_is_not_found(build: Build) -> None:
    tree = build({"/d/f": "x"}, {"/l": "d"})
    for call, paths in (
        (tree.read, ("/none", "/d", "/l", "/l/f")),
        (tree.names, ("/none", "/d/f", "/l")),
        (tree.readlink, ("/none", "/d", "/d/f")),
    ):
        for path in paths:
            with pytest.raises(NotFound):
                call(path)


@pytest.mark.parametrize("path", ["/d/../d/f", "/..", "/a\0b"])
def test_a_path_that_is_not_resolved_is_refused(build: Build, path: str) -> None:
    tree = build({"/d/f": "x"}, {})
    with pytest.raises(BadInput, match="not a resolved path"):
        tree.kind(path)


def test_a_file_is_read_up_to_the_limit(build: Build) -> None:
    tree = build({"/fits": b"x" * MAX_FILE_BYTES, "/over": b"x" * (MAX_FILE_BYTES + 1)}, {})
    assert len(tree.read("/fits")) == MAX_FILE_BYTES
    with pytest.raises(BadInput, match="more than"):
        tree.read("/over")


def test_the_same_root_binds_the_same_wherever_it_lies(build: Build) -> None:
    units, bound = "/usr/share/containers/systemd", "/usr/lib/bootc/bound-images.d"
    tree = build(
        {
            f"{units}/a-b.container": "[Container]\nImage=c.image\n",
            f"{units}/sub/c.image": "[Image]\nImage=quay.io/c:1\n",
            "/usr/etc/containers/systemd/image.d/9.conf": "[Image]\nImage=quay.io/c:2\n",
            "/opt/d": "[Image]\nImage=quay.io/d\n",
        },
        {
            f"{bound}/a-b.container": f"{units}/a-b.container", f"{bound}/d.image": "../../../share/../../opt/d",
            "/usr/etc/containers/systemd/image.d/1.conf": "/dev/null",
        },
    )  # fmt: skip
    assert [(item.file, item.text) for item in bound_images(tree)] == [
        ("a-b.container", "quay.io/c:2"), ("d.image", "quay.io/d"),
    ]  # fmt: skip
