"""A directory is read as a root that nothing leads out of."""

import os
import socket
import subprocess
import threading
from pathlib import Path

import pytest

from adapters.files.root_directory import RootDirectory
from domain.errors import BadInput, Failed, NotFound
from domain.quadlets import scan

SECRET = b"outside"


@pytest.fixture
def root(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_bytes(SECRET)
    made = tmp_path / "root"
    made.mkdir()
    return made


@pytest.mark.parametrize("name", ["nothing", "secret"])
def test_a_root_that_is_no_directory(tmp_path: Path, root: Path, name: str) -> None:
    with pytest.raises(NotFound, match="is not a directory"):
        RootDirectory(tmp_path / name)


def test_a_link_on_the_way_is_never_followed_wherever_it_leads(root: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(tmp_path)
    (root / "up").symlink_to("..")
    (root / "file").symlink_to("../secret")
    tree = RootDirectory(root)
    assert tree.kind("/out/secret") is None
    assert tree.kind("/up/secret") is None
    for path in ("/out/secret", "/up/secret", "/file"):
        with pytest.raises(NotFound):
            tree.read(path)
    with pytest.raises(NotFound):
        tree.names("/out")


def test_special_files_are_other_and_are_never_opened(root: Path) -> None:
    os.mkfifo(root / "fifo")
    os.mknod(root / "null", 0o600 | 0o020000, os.makedev(1, 3))
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(root / "socket"))
    tree = RootDirectory(root)
    for name in ("fifo", "null", "socket"):
        assert tree.kind(f"/{name}") == "other"
        with pytest.raises(NotFound, match="is not a file"):
            tree.read(f"/{name}")  # a fifo that was opened would wait here for ever


def test_names_that_are_not_utf8_are_told_apart(root: Path) -> None:
    for name in (b"\xff.image", b"\xfe.image"):
        (root / os.fsdecode(name)).symlink_to(os.fsdecode(b"\xfd"))
    tree = RootDirectory(root)
    assert tree.names("/") == ("\udcfe.image", "\udcff.image")
    assert tree.readlink("/\udcff.image") == "\udcfd"


def test_a_name_that_is_too_long_is_the_name_of_nothing(root: Path) -> None:
    assert RootDirectory(root).kind("/" + "x" * 300) is None


def test_what_may_not_be_read_is_a_failure_and_not_an_empty_root(root: Path, tmp_path: Path) -> None:
    bound = root / "usr/lib/bootc/bound-images.d"
    bound.mkdir(parents=True)
    (root / "usr").chmod(0)
    tmp_path.chmod(0o755)
    script = (
        "import os, pathlib, sys; os.setgroups([]); os.setgid(65534); os.setuid(65534)\n"
        "from adapters.files.root_directory import RootDirectory; from domain.quadlets import scan\n"
        "from domain.errors import Failed\n"
        "try: scan(RootDirectory(pathlib.Path(sys.argv[1])))\n"
        "except Failed as error: print(error.message)"
    )
    subprocess.run(["cp", "-a", str(root), f"/tmp/{tmp_path.name}-root"], check=True)
    place = Path(f"/tmp/{tmp_path.name}-root")
    try:
        done = subprocess.run(
            ["/usr/bin/python3", "-c", script, str(place)], capture_output=True, text=True, check=True,
            cwd=Path(__file__).parents[2], stdin=subprocess.DEVNULL,
        )  # fmt: skip
    finally:
        subprocess.run(["rm", "-rf", str(place)], check=True)
    assert "cannot read" in done.stdout
    assert "Permission denied" in done.stdout


def test_a_root_that_changes_underneath_never_shows_what_is_outside(root: Path, tmp_path: Path) -> None:
    """Somebody swaps a directory for a link to the outside, again and again, while it is read."""
    (tmp_path / "dir").mkdir()
    (tmp_path / "dir/file").write_bytes(SECRET)
    (root / "dir").mkdir()
    (root / "dir/file").write_bytes(b"inside")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            (root / "dir").rename(root / "aside")
            (root / "dir").symlink_to("../dir")
            stop.wait(0.0002)
            (root / "dir").unlink()
            (root / "aside").rename(root / "dir")
            stop.wait(0.0002)

    swapping = threading.Thread(target=swap)
    swapping.start()
    tree, reads = RootDirectory(root), 0
    seen: set[bytes] = set()
    try:
        while reads < 3000 or (len(seen) < 2 and reads < 300_000):
            reads += 1
            try:
                seen.add(tree.read("/dir/file"))
            except NotFound:
                seen.add(b"")
    finally:
        stop.set()
        swapping.join()
    assert seen == {b"inside", b""}


def test_no_descriptor_is_left_open(root: Path) -> None:
    (root / "d").mkdir()
    (root / "d/f").write_text("x")
    tree = RootDirectory(root)
    before = len(list(Path("/proc/self/fd").iterdir()))
    for _ in range(20):
        tree.read("/d/f")
        tree.names("/d")
        for path in ("/none", "/d/f/x"):
            with pytest.raises(NotFound):
                tree.read(path)
        with pytest.raises(BadInput):
            tree.kind("/..")
    assert len(list(Path("/proc/self/fd").iterdir())) == before


def test_a_whole_root_without_bound_images(root: Path) -> None:
    assert scan(RootDirectory(root)) == ((), ())


def test_a_root_that_is_gone_meanwhile(root: Path) -> None:
    tree = RootDirectory(root)
    root.rmdir()
    with pytest.raises(NotFound):
        tree.names("/")
    assert issubclass(NotFound, Failed)
