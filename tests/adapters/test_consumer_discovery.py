"""Other stores are found where configuration names them, and where podman puts them without any."""

import pwd
from pathlib import Path

import pytest

from adapters.containers.consumer_discovery import discover, is_running_system
from domain.errors import BadInput


def store(root: Path, path: str) -> Path:
    place = root / path
    (place / "overlay-layers").mkdir(parents=True)
    return place


def write(root: Path, path: str, text: str) -> None:
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_text(text)


def test_what_is_found_and_how(tmp_path: Path) -> None:
    owned = store(tmp_path, "sysroot/ostree/bootc/storage")
    default = store(tmp_path, "var/lib/containers/storage")
    other = store(tmp_path, "srv/containers")
    drop_in = store(tmp_path, "srv/more")
    write(tmp_path, "etc/containers/storage.conf", '[storage]\ngraphroot = "/srv/containers"\nrunroot = "/run/x"\n')
    write(tmp_path, "etc/containers/storage.conf.d/a.conf", '[storage]\ngraphroot = "/srv/more"\n')
    found = {each.path: each for each in discover(tmp_path, owned)}
    assert set(found) == {str(default), str(other), str(drop_in)}
    assert "storage.conf" in found[str(other)].how
    assert found[str(other)].runroot == "/run/x"
    assert "default" in found[str(default)].how


def test_a_quadlet_that_names_the_owned_store(tmp_path: Path) -> None:
    owned = store(tmp_path, "storage")
    default = store(tmp_path, "var/lib/containers/storage")
    line = "GlobalArgs=--storage-opt=additionalimagestore=/usr/lib/bootc/storage"
    write(tmp_path, "etc/containers/systemd/app.container", f"[Container]\nImage=x/y\n{line}\n")
    assert [each.path for each in discover(tmp_path, owned)] == [str(default)]


def test_a_quadlet_that_names_its_own_store_wherever_it_lies(tmp_path: Path) -> None:
    owned, own, default = (store(tmp_path, path) for path in ("storage", "srv/app", "var/lib/containers/storage"))
    line = "GlobalArgs=--root=/srv/app --storage-opt=additionalimagestore=/usr/lib/bootc/storage"
    write(tmp_path, "usr/share/containers/systemd/deep/app.container.d/10.conf", f"[Container]\n{line}\n")
    assert {each.path for each in discover(tmp_path, owned)} == {str(own), str(default)}


def test_rootless_stores_where_the_configuration_puts_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    users = [("alice", 1000, "/home/alice"), ("bob", 1001, "/home/bob"), ("root", 0, "/root"), ("odd", 7, "nowhere")]
    entries = [pwd.struct_passwd((name, "x", uid, uid, "", home, "/bin/sh")) for name, uid, home in users]
    monkeypatch.setattr(pwd, "getpwall", lambda: entries)
    owned = store(tmp_path, "owned")
    (tmp_path / "home").symlink_to("var/home")
    alice = store(tmp_path, "var/home/alice/.local/share/containers/storage")
    images = store(tmp_path, "srv/images")
    bob = store(tmp_path, "srv/stores/1001/bob")
    write(tmp_path, "etc/containers/storage.conf", '[storage]\nrootless_storage_path = "/srv/stores/$UID/$USER"\n')
    write(tmp_path, "etc/containers/storage.conf.d/i.conf", '[storage]\nimagestore = "/srv/images"\n')
    found = {each.path: each.how for each in discover(tmp_path, owned)}
    assert set(found) == {str(alice), str(images), str(bob)}
    assert "alice" in found[str(alice)]
    assert "rootless_storage_path" in found[str(bob)]


def test_one_store_under_two_names_is_one(tmp_path: Path) -> None:
    owned, default = store(tmp_path, "owned"), store(tmp_path, "var/lib/containers/storage")
    (tmp_path / "link").symlink_to("var/lib/containers/storage")
    write(tmp_path, "etc/containers/storage.conf", '[storage]\ngraphroot = "/link"\n')
    assert [each.path for each in discover(tmp_path, owned)] == [str(default)]


def test_a_directory_that_no_store_was_made_in_holds_nothing_yet(tmp_path: Path) -> None:
    (tmp_path / "var/lib/containers/storage").mkdir(parents=True)
    assert discover(tmp_path, store(tmp_path, "owned")) == ()


def test_the_owned_store_itself_and_what_does_not_exist_are_left_out(tmp_path: Path) -> None:
    owned = store(tmp_path, "var/lib/containers/storage")
    write(tmp_path, "etc/containers/storage.conf", '[storage]\ngraphroot = "/nowhere"\n')
    assert discover(tmp_path, owned) == ()


def test_a_configuration_that_does_not_parse_is_no_reason_to_guess(tmp_path: Path) -> None:
    write(tmp_path, "etc/containers/storage.conf", "[storage\n")
    with pytest.raises(BadInput, match=r"storage\.conf"):
        discover(tmp_path, store(tmp_path, "owned"))


def test_a_directory_is_not_the_running_system(tmp_path: Path) -> None:
    assert not is_running_system(tmp_path)
