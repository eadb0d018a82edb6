"""Which container stores of a system use the owned one, as its configuration says (containers-storage.conf(5)).

A store that turns out to use nothing costs nothing; one that is not found may lose what it needs. So the stores that
podman uses without any configuration are named as well, root's and every user's.
"""

import os
import pwd
import re
import tomllib
from collections.abc import Iterator
from dataclasses import replace
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
_ROOT_OPTION = re.compile(r"--root[= ]\"?(/[^\s\"]*)")
_UNITS = (".container", ".image", ".build", ".kube", ".pod", ".conf")


def is_store(path: Path) -> bool:
    """Whether containers-storage has ever been at work there. A directory that it has not touched holds nothing yet."""
    try:
        return any(entry.name.endswith("-layers") for entry in path.iterdir())
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # what it is will be said when it is read


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
        # One store under two names (/home is a link on ostree systems) would be held still twice, the second in vain.
        path = Path(each.path).resolve()
        if is_store(path) and not (owned.exists() and path.samefile(owned)):
            found.setdefault(str(path), replace(each, path=str(path)))
    return tuple(found.values())


def _configuration(root: Path) -> Iterator[tuple[Path, dict[str, Any]]]:
    """Each storage.conf and drop-in that there is, with its table `[storage]`."""
    files = [root / name for name in _CONFIGURATION]
    files += [file for name in _DROP_INS for file in sorted((root / name).glob("*.conf"))]
    for file in files:
        yield file, _storage_table(file)


def _configured(root: Path) -> Iterator[FoundConsumer]:
    for file, storage in _configuration(root):
        for field in ("graphroot", "imagestore"):
            if isinstance(storage.get(field), str) and storage[field]:
                yield FoundConsumer(_below(root, storage[field]), storage.get("runroot"), f"{field} in {file}")


def _defaults(root: Path) -> Iterator[FoundConsumer]:
    yield FoundConsumer(str(root / _DEFAULT_ROOT), None, "podman's default store")


def _rootless(root: Path) -> Iterator[FoundConsumer]:
    everywhere = [(file, table["rootless_storage_path"]) for file, table in _configuration(root)
                  if isinstance(table.get("rootless_storage_path"), str)]  # fmt: skip
    for user in pwd.getpwall():
        if not user.pw_uid or not user.pw_dir.startswith("/"):
            continue
        home = Path(_below(root, user.pw_dir))
        file = home / ".config/containers/storage.conf"
        storage = _storage_table(file)
        for field in ("graphroot", "imagestore"):
            if isinstance(storage.get(field), str) and storage[field]:
                place = _below(root, _expanded(storage[field], user))
                yield FoundConsumer(place, None, f"{field} of user {user.pw_name} in {file}")
        for file, pattern in everywhere:
            place = _below(root, _expanded(pattern, user))
            yield FoundConsumer(place, None, f"the store of user {user.pw_name}, rootless_storage_path in {file}")
        yield FoundConsumer(os.fspath(home / _ROOTLESS), None, f"the store of user {user.pw_name}")


def _expanded(pattern: str, user: pwd.struct_passwd) -> str:
    """The three variables that containers-storage.conf(5) knows in paths."""
    for name, value in (("$HOME", user.pw_dir), ("$UID", str(user.pw_uid)), ("$USER", user.pw_name)):
        pattern = pattern.replace(name, value)
    return pattern


def _quadlets(root: Path) -> Iterator[FoundConsumer]:
    """Containers that are given the owned store on their own command line live in podman's default store, or in the one
    that the same command line names.
    """
    for directory in _QUADLETS:
        for file in sorted((root / directory).rglob("*")):
            if file.suffix not in _UNITS:
                continue
            try:
                text = file.read_text("utf-8")
            except (OSError, UnicodeDecodeError):
                continue
            if _OPTION in text:
                places = [_below(root, place) for place in _ROOT_OPTION.findall(text)] or [str(root / _DEFAULT_ROOT)]
                for place in places:
                    yield FoundConsumer(place, None, f"additionalimagestore in {file}")


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
