"""Quadlets as podman's generator finds them in a root: its search path, and each unit's drop-ins.

As podman-systemd.unit(5) says. Two of the directories are left out on purpose: /run/containers/systemd, which is
not part of a root file system, and those of users, whose containers do not use the system's store.
"""

import posixpath
from collections.abc import Iterator
from dataclasses import dataclass, field

from domain.errors import BadInput
from domain.quadlet_files import Sections, parse_unit, shown
from domain.root_paths import Place, follow
from domain.roots import RootTree

_ADMIN = "etc/containers/systemd"
_DISTRIBUTION = "/usr/share/containers/systemd"
_MASK = "/dev/null"
_MAX_DIRECTORIES = 200  # a link to the root of everything must end somewhere


@dataclass(slots=True)
class Units:
    """The quadlets of one root."""

    tree: RootTree
    _directories: tuple[str, ...] = field(default=(), init=False)

    @property
    def directories(self) -> tuple[str, ...]:
        """The search path, the administrator's first, with every directory below them. Looked up once."""
        if not self._directories:
            # A commit has no /etc yet: ostree makes it of /usr/etc when it deploys.
            etc = "" if follow(self.tree, "/etc").kind == "directory" else "/usr"
            found: dict[str, None] = {}
            for place in (f"{etc}/{_ADMIN}", _DISTRIBUTION):
                self._descend(place, f"{etc}/{_ADMIN}/users", found)
            self._directories = tuple(found) or (_DISTRIBUTION,)
        return self._directories

    def _descend(self, path: str, users: str, found: dict[str, None]) -> None:
        place = follow(self.tree, path)
        if place.kind != "directory" or place.path in found or path == users or place.path.endswith(".d"):
            return
        if len(found) == _MAX_DIRECTORIES:
            raise BadInput(f"more than {_MAX_DIRECTORIES} directories of quadlets", hint="is there a link to /?")
        found[place.path] = None
        for name in self.tree.names(place.path):
            self._descend(f"{place.path}/{name}", users, found)

    def find(self, name: str, beside: Place) -> Place | None:
        """The unit file of this name: the first in the search path, or else next to another one."""
        for directory in self._around(beside):
            place = follow(self.tree, f"{directory}/{name}")
            if place.kind == "file":
                return place
        return None

    def read(self, place: Place) -> Sections:
        """A unit with its drop-ins. Raises BadInput, naming the file."""
        directories = self._around(place)
        return parse_unit([
            (place.path, self.tree.read(place.path)), *self._drop_ins(self._name(place), directories),
        ])  # fmt: skip

    def _around(self, place: Place) -> tuple[str, ...]:
        """The search path, and the unit's own directory where that lies outside of it."""
        own = posixpath.dirname(place.path)
        return self.directories if own in self.directories else (*self.directories, own)

    def _name(self, place: Place) -> str:
        """The name that the generator knows a unit by: the one in the search path, be it a link's."""
        names = [*place.links, place.path]
        return posixpath.basename(next((n for n in names if posixpath.dirname(n) in self.directories), place.path))

    def _drop_ins(self, name: str, directories: tuple[str, ...]) -> Iterator[tuple[str, bytes]]:
        """(path, content) in the order of their names; of several with one name the most special one counts."""
        found: dict[str, str] = {}
        for folder in drop_in_folders(name):
            for directory in directories:
                place = follow(self.tree, f"{directory}/{folder}")
                for each in self.tree.names(place.path) if place.kind == "directory" else ():
                    if each.endswith(".conf"):
                        found.setdefault(each, f"{place.path}/{each}")
        for _, path in sorted(found.items()):
            place = follow(self.tree, path)
            if place.links and self.tree.readlink(place.links[-1]) == _MASK:
                continue  # it hides the drop-ins of that name elsewhere (systemd.unit(5)); a commit has no /dev/null
            if place.kind != "file":
                problem = "leads nowhere" if place.kind is None else "is not a file"
                raise BadInput(f"the drop-in {shown(path)} {problem}", hint="remove it, or link it to /dev/null")
            yield place.path, self.tree.read(place.path)


def drop_in_folders(name: str) -> tuple[str, ...]:
    """The names of the directories with a unit's drop-ins, the most special first.

    `a-b.container`: `a-b.container.d`, `a-.container.d`, `container.d`; `a-b@i.container` has `a-b@.container.d` and
    `a-@.container.d`, too.
    """
    stem, extension = posixpath.splitext(name)
    base, at, instance = stem.partition("@")
    folders = [name, f"{base}@{extension}"] if instance else [name]
    parts = base.split("-")
    for count in range(len(parts) - 1, 0, -1):
        prefix = "-".join(parts[:count]) + "-"
        folders += [f"{prefix}@{extension}"] if at else []
        folders.append(f"{prefix}{extension}")
    return tuple(f"{folder}.d" for folder in (*folders, extension[1:]))
