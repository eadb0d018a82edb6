"""What `ostree admin status` prints, with the boot loader entries and origin files beside it, as deployments."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ostree.status import parse_status, read_kargs
from domain.errors import BadInput, StoreError

A, B, C = ("a" * 64, "b" * 64, "c" * 64)


def place(sysroot: Path, commit: str, serial: int = 0, *, stateroot: str = "os", origin: str | None = None) -> str:
    """A deployment's root; its id."""
    root = sysroot / f"ostree/deploy/{stateroot}/deploy/{commit}.{serial}"
    root.mkdir(parents=True)
    if origin is not None:
        root.with_name(root.name + ".origin").write_text(origin)
    return f"{stateroot}-{commit}.{serial}"


def entry(sysroot: Path, number: int, deployment: str, options: str) -> None:
    """A boot loader entry, with ostree's link from it to the deployment."""
    stateroot, _, root = deployment.rpartition("-")
    link = sysroot / f"ostree/boot.1/{stateroot}/hash/{number}"
    link.parent.mkdir(parents=True, exist_ok=True)
    link.symlink_to(f"../../../deploy/{stateroot}/deploy/{root}")
    entries = sysroot / "boot/loader/entries"
    entries.mkdir(parents=True, exist_ok=True)
    text = f"title x\nversion {number}\noptions {options} ostree=/ostree/boot.1/{stateroot}/hash/{number}\n"
    (entries / f"ostree-{number}-os.conf").write_text(text)


def test_marks_of_a_booted_system(tmp_path: Path) -> None:
    staged = place(tmp_path, A, origin="[origin]\nrefspec=os/a\n")
    booted = place(tmp_path, B, 3, origin="[origin]\nrefspec=r:os/b\n[libostree-transient]\npinned=true\n")
    rollback = place(tmp_path, C, stateroot="my-os.1", origin="")
    entry(tmp_path, 2, booted, 'quiet x="a b"')
    entry(tmp_path, 1, rollback, "")
    text = (
        f"  os {A}.0 (staged)\n    Version: 1\n    origin refspec: os/a\n"
        f"* os {B}.3\n    Pinned: yes\n    origin refspec: r:os/b\n"
        f"  my-os.1 {C}.0 (rollback)\n    origin: <unknown origin type>\n"
    )
    found = parse_status(text, tmp_path, tmp_path / "boot")
    assert [
        (each.id, each.serial, each.origin, each.kargs, each.booted, each.staged, each.pinned) for each in found
    ] == [
        (staged, 0, "os/a", (), False, True, False),
        (booted, 3, "r:os/b", ("quiet", 'x="a b"'), True, False, True),
        (rollback, 0, "", (), False, False, False),
    ]


@pytest.mark.parametrize(
    ("state", "staged"),
    [("(staged)", True), ("(staged) (locked)", True), ("(finalization locked)", True), ("(pending)", False)],
)
def test_states(tmp_path: Path, state: str, staged: bool) -> None:
    place(tmp_path, A)
    (found,) = parse_status(f"  os {A}.0 {state}\n", tmp_path, tmp_path)
    assert (found.staged, found.booted) == (staged, False)


def test_no_deployments(tmp_path: Path) -> None:
    assert parse_status("No deployments.\n", tmp_path, tmp_path) == ()


def test_a_version_that_looks_like_a_deployment(tmp_path: Path) -> None:
    place(tmp_path, A)
    for text in (f"  os {A}.0\n    Version: 1\n* os {B}.0\n", f"  os {A}.0\n    Version: 1\n* os {A}.0\n"):
        with pytest.raises(BadInput, match="twice, or without its root"):
            parse_status(text, tmp_path, tmp_path)


def test_a_deployment_that_boots_but_is_not_listed(tmp_path: Path) -> None:
    place(tmp_path, A)
    unlisted = place(tmp_path, B)
    entry(tmp_path, 1, unlisted, "quiet")
    for text in (f"  os {A}.0\n", "", "something else\n"):
        with pytest.raises(BadInput, match=f"does not list {unlisted}"):
            parse_status(text, tmp_path, tmp_path / "boot")


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        ("[origin]\ncontainer-image-reference=ostree-unverified-registry:quay.io/os:1\n",
         "ostree-unverified-registry:quay.io/os:1"),
        ("[origin]\nbaserefspec=fedora:f/x\n[packages]\nrequested=vim;\n", "fedora:f/x"),
        ("# x\n[origin]\nrefspec = r:os/100%\nunconfigured-state=a:b=c%d\n", "r:os/100%"),
        ("[other]\n", ""),
    ],
)  # fmt: skip
def test_origins_of_others(tmp_path: Path, origin: str, expected: str) -> None:
    place(tmp_path, A, origin=origin)
    assert parse_status(f"  os {A}.0\n", tmp_path, tmp_path)[0].origin == expected


@pytest.mark.parametrize("origin", [b"\xff\xfe", b"refspec=x\n", b"[origin\n"])
def test_an_origin_file_that_cannot_be_read(tmp_path: Path, origin: bytes) -> None:
    name = place(tmp_path, A, origin="")
    (tmp_path / f"ostree/deploy/os/deploy/{A}.0.origin").write_bytes(origin)
    with pytest.raises(BadInput, match=f"origin file of {name}"):
        parse_status(f"  os {A}.0\n", tmp_path, tmp_path)


def test_entries_of_other_systems_and_without_ostree_are_left_alone(tmp_path: Path) -> None:
    mine = place(tmp_path / "s", A)
    entry(tmp_path / "s", 1, mine, "quiet")
    theirs = place(tmp_path / "t", B)
    entry(tmp_path / "t", 2, theirs, "loud")
    entries = tmp_path / "s/boot/loader/entries"
    (tmp_path / "t/boot/loader/entries/ostree-2-os.conf").rename(entries / "ostree-2-os.conf")
    (entries / "ostree-3-os.conf").write_text("title x\noptions root=/dev/sda ostree=/../../../../etc\noptions\n")
    (entries / "ostree-4-os.conf").write_text("")
    (entries / "other.conf").write_bytes(b"\xff")
    assert read_kargs(tmp_path / "s", tmp_path / "s/boot") == {mine: ("quiet",)}


def test_an_entry_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "loader/entries").mkdir(parents=True)
    (tmp_path / "loader/entries/ostree-1-os.conf").write_bytes(b"\xff")
    with pytest.raises(BadInput, match=r"ostree-1-os\.conf"):
        read_kargs(tmp_path, tmp_path)


_LINE = st.sampled_from(["* os ", "  os ", A + ".0", A + ".1", " (staged)", "\n", "    Version: ", "No deployments."])


@given(st.text() | st.lists(_LINE | st.text(max_size=4)).map("".join))
def test_garbage_is_refused_or_means_what_lies_there(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    sysroot = tmp_path_factory.getbasetemp() / "garbage"
    if not sysroot.exists():
        place(sysroot, A)
    try:
        found = parse_status(text, sysroot, sysroot)
    except StoreError:
        return
    assert [each.id for each in found] in ([], [f"os-{A}.0"])
