"""Labels on real extended attributes; that the kernel acts on them cannot be seen where SELinux is off."""

import os
from pathlib import Path

import pytest

from adapters.containers.selinux import StoreLabels
from adapters.process import Runner
from domain.errors import Failed

READ_ONLY, VAR_LIB = b"system_u:object_r:container_ro_file_t:s0\0", b"system_u:object_r:container_var_lib_t:s0\0"


def label(path: Path) -> bytes | None:
    try:
        return os.getxattr(path, "security.selinux", follow_symlinks=False)
    except OSError:
        return None


@pytest.fixture
def labels(tmp_path: Path) -> StoreLabels:
    """A machine with SELinux on, whose podman has a store of its own."""
    kernel, reference = tmp_path / "enforce", tmp_path / "var/lib/containers/storage"
    kernel.write_text("1")
    (reference / "overlay").mkdir(parents=True)
    os.setxattr(reference, "security.selinux", VAR_LIB)
    os.setxattr(reference / "overlay", "security.selinux", READ_ONLY)
    return StoreLabels(Runner(), kernel, reference)


@pytest.fixture
def store(tmp_path: Path) -> Path:
    store = tmp_path / "store"
    (store / "overlay/abc/diff/usr").mkdir(parents=True)
    (store / "overlay/abc/diff/usr/file").write_text("x")
    (store / "overlay/abc/diff/link").symlink_to("/etc/passwd")
    (store / "overlay-images").mkdir()
    return store


def test_each_part_of_the_store_gets_the_label_of_its_like(labels: StoreLabels, store: Path) -> None:
    passwd = label(Path("/etc/passwd"))
    assert labels.apply(store) == 8
    assert label(store) == VAR_LIB
    assert label(store / "overlay/abc/diff/usr/file") == READ_ONLY
    assert label(store / "overlay/abc/diff/link") == READ_ONLY
    assert label(Path("/etc/passwd")) == passwd, "no link is followed"
    assert label(store / "overlay-images") == VAR_LIB, "unknown to the reference: as the whole"
    assert labels.apply(store) == 0, "again: nothing to do"


def test_where_selinux_is_off_nothing_is_touched(labels: StoreLabels, store: Path) -> None:
    labels.kernel.unlink()
    assert labels.apply(store) == 0
    assert label(store) is None


def test_an_unknown_label_is_not_guessed(labels: StoreLabels, store: Path) -> None:
    with pytest.raises(Failed, match="label of"):
        StoreLabels(Runner(), labels.kernel, store / "no-such-store").apply(store)
    assert label(store) is None
