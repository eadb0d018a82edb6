"""Links inside a root lead where the kernel says that they lead."""

import ctypes
import os
import stat
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import BadInput
from domain.root_paths import MAX_LINKS, Place, follow
from tests.fakes.root_tree import FakeRootTree


def tree(**links: str) -> FakeRootTree:
    named = {"/" + name.replace("__", "/"): target for name, target in links.items()}
    return FakeRootTree({"/etc/passwd": "inside", "/usr/lib/file": "x"}, named, ["/empty"])


@pytest.mark.parametrize(
    ("target", "leads_to"),
    [
        ("/usr/lib/file", "/usr/lib/file"),
        ("lib/file", "/usr/lib/file"),
        ("../etc/passwd", "/etc/passwd"),
        ("../../../../../../etc/passwd", "/etc/passwd"),
        ("/../../etc/passwd", "/etc/passwd"),
        ("lib/../lib/./file", "/usr/lib/file"),
        ("/usr//lib///file", "/usr/lib/file"),
        ("/usr/lib/", "/usr/lib"),
        ("/", "/"),
    ],
)
def test_a_link_is_resolved_inside_the_root_however_it_is_written(target: str, leads_to: str) -> None:
    place = follow(tree(usr__link=target), "/usr/link")
    assert place.path == leads_to
    assert place.kind in ("file", "directory")
    assert place.links == ("/usr/link",)


@pytest.mark.parametrize(
    "target", ["nothing", "/usr/lib/nothing", "lib/file/..", "lib/file/", "lib/no/../file", "a\0b"]
)
def test_what_the_kernel_would_not_find_is_not_found(target: str) -> None:
    assert follow(tree(usr__link=target), "/usr/link").kind is None


def test_links_in_the_middle_are_followed_and_only_those_for_the_file_itself_are_told() -> None:
    links = tree(sub="/usr/lib", usr__lib__a="../../sub/b", usr__lib__b="file")
    assert follow(links, "/sub/a") == Place("/usr/lib/file", "file", ("/usr/lib/a", "/usr/lib/b"))


def test_a_chain_of_as_many_links_as_the_kernel_follows_and_not_one_more() -> None:
    chain = {f"/l{number}": f"l{number + 1}" for number in range(MAX_LINKS)}
    long = FakeRootTree({f"/l{MAX_LINKS}": "end"}, chain)
    assert follow(long, "/l0").kind == "file"
    with pytest.raises(BadInput, match="too many levels"):
        follow(FakeRootTree({f"/l{MAX_LINKS}": "end"}, chain | {"/first": "l0"}), "/first")


def test_a_loop_ends() -> None:
    with pytest.raises(BadInput, match="too many levels"):
        follow(tree(a="b", b="/a"), "/a")


# Against the kernel: openat2(2) with RESOLVE_IN_ROOT does what follow() claims.

NAMES = ["a", "b", "c"]
PATHS = st.lists(st.sampled_from([*NAMES, "..", ".", ""]), min_size=1, max_size=5).map("/".join)
FARMS = st.fixed_dictionaries({
    "links": st.dictionaries(st.sampled_from(["a", "b", "c", "d/a", "d/b", "d/e/c"]), PATHS, max_size=6),
    "files": st.sets(st.sampled_from(["f", "d/f", "d/e/f", "b", "d/b"])),
})  # fmt: skip


class _OpenHow(ctypes.Structure):
    _fields_ = (("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64))


def kernel_says(root: Path, path: str) -> tuple[str, str] | OSError | None:
    """(path inside the root, kind) of what the kernel opens, None for nothing, or what went wrong."""
    how = _OpenHow(os.O_PATH | os.O_CLOEXEC, 0, 0x10)  # RESOLVE_IN_ROOT
    top = os.open(root, os.O_PATH)
    libc = ctypes.CDLL(None, use_errno=True)
    opened = libc.syscall(437, top, path.encode(), ctypes.byref(how), ctypes.sizeof(how))
    number = ctypes.get_errno()
    os.close(top)
    if opened < 0:
        return None if number in (2, 20) else OSError(number, os.strerror(number))
    there = str(Path(f"/proc/self/fd/{opened}").readlink())
    kind = "directory" if stat.S_ISDIR(os.fstat(opened).st_mode) else "file"
    os.close(opened)
    inside = there.removeprefix(str(root.resolve()))
    return (inside or "/", kind)


@given(FARMS, PATHS)
@settings(max_examples=150, deadline=None)
def test_any_farm_of_links_leads_where_the_kernel_goes(farm: dict[str, dict[str, str]], path: str) -> None:
    with tempfile.TemporaryDirectory() as scratch:
        root = Path(scratch) / "root"
        (root / "d/e").mkdir(parents=True)
        (root.parent / "f").write_text("outside")
        links = {name: target for name, target in farm["links"].items() if target}
        for name, target in links.items():
            (root / name).symlink_to(target)
        files = sorted(name for name in farm["files"] if name not in links)
        for name in files:
            (root / name).write_text("inside")
        fake = FakeRootTree(
            {f"/{name}": "inside" for name in files}, {f"/{name}": t for name, t in links.items()}, ["/d/e"]
        )
        expected = kernel_says(root, path or ".")
        try:
            place = follow(fake, path)
        except BadInput:
            assert isinstance(expected, OSError)
            assert expected.errno == 40
            return
        assert (None if place.kind is None else (place.path, place.kind)) == expected
