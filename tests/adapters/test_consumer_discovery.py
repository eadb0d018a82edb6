"""Other stores are found where configuration names them, and where podman puts them without any."""

from pathlib import Path

import pytest

from adapters.containers.consumer_discovery import discover, is_running_system
from domain.errors import BadInput


def store(root: Path, path: str) -> Path:
    place = root / path
    place.mkdir(parents=True)
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
