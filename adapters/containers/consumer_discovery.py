"""Which container stores of a system use the owned one, as its configuration says (containers-storage.conf(5)).

A store that turns out to use nothing costs nothing; one that is not found may lose what it needs. So the stores that
podman uses without any configuration are named as well, root's and every user's.
"""

import os
import pwd
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from domain.errors import BadInput
from domain.ports import FoundConsumer

_CONFIGURATION = ("usr/share/containers/storage.conf", "etc/containers/storage.conf")
_DROP_INS = ("usr/share/containers/storage.conf.d", "etc/containers/storage.conf.d")
_QUADLETS = ("etc/containers/systemd", "usr/share/containers/systemd", "run/containers/systemd")
_DEFAULT_ROOT = "var/lib/containers/storage"
_ROOTLESS = ".local/share/containers/storage"
_OPTION = "additionalimagestore="


def is_running_system(sysroot: Path) -> bool:
    """Whether the sysroot is the one that this machine was booted from."""
    if not Path("/run/ostree-booted").exists():
        return False
    try:
        return sysroot.samefile("/") or sysroot.samefile("/sysroot")
    except OSError:
        return False


def discover(root: Path, owned: Path) -> tuple[FoundConsumer, ...]:
    """Every other store of the system at `root`, each once. Raises BadInput for a storage.conf that does not parse."""
    found: dict[str, FoundConsumer] = {}
    for each in (*_configured(root), *_defaults(root), *_rootless(root), *_quadlets(root)):
        path = Path(each.path)
        if path.is_dir() and not path.samefile(owned):
            found.setdefault(each.path, each)
    return tuple(found.values())


def _configured(root: Path) -> Iterator[FoundConsumer]:
    files = [root / name for name in _CONFIGURATION]
    files += [file for name in _DROP_INS for file in sorted((root / name).glob("*.conf"))]
    for file in files:
        storage = _storage_table(file)
        if storage.get("graphroot"):
            yield FoundConsumer(_below(root, storage["graphroot"]), storage.get("runroot"), f"graphroot in {file}")


def _defaults(root: Path) -> Iterator[FoundConsumer]:
    yield FoundConsumer(str(root / _DEFAULT_ROOT), None, "podman's default store")


def _rootless(root: Path) -> Iterator[FoundConsumer]:
    for user in pwd.getpwall():
        if user.pw_uid and user.pw_dir.startswith("/"):
            home = Path(_below(root, user.pw_dir))
            storage = _storage_table(home / ".config/containers/storage.conf")
            place = storage.get("graphroot") or os.fspath(home / _ROOTLESS)
            yield FoundConsumer(str(place), None, f"the store of user {user.pw_name}")


def _quadlets(root: Path) -> Iterator[FoundConsumer]:
    """Containers that are given the owned store on their own command line still live in podman's default store."""
    for directory in _QUADLETS:
        for file in sorted((root / directory).glob("*.container")):
            try:
                said = _OPTION in file.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if said:
                yield FoundConsumer(str(root / _DEFAULT_ROOT), None, f"additionalimagestore in {file}")


def _storage_table(file: Path) -> dict[str, Any]:
    try:
        table = tomllib.loads(file.read_text("utf-8")).get("storage", {})
    except OSError:
        return {}
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadInput(f"{file} does not parse: {error}", hint="which stores use this one cannot be told") from error
    return table if isinstance(table, dict) else {}


def _below(root: Path, path: str) -> str:
    return str(root / path.lstrip("/"))
