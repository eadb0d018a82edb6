"""Symbolic links resolved inside a root, as chroot would: however a link is written, it never leads outside."""

from dataclasses import dataclass

from domain.errors import BadInput
from domain.roots import FileType, RootTree

MAX_LINKS = 40
"""The kernel's own limit (path_resolution(7)): what it refuses to open must not be found here either."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where a path leads: absolute inside the root, no link and no `..` in it.

    `kind` is never "symlink"; None: nothing is there (`path` is then how far it got). `links` are the links that stood
    for the file itself on the way, in the order in which they were followed.
    """

    path: str
    kind: FileType | None
    links: tuple[str, ...] = ()


def follow(tree: RootTree, path: str) -> Place:
    """What `path` leads to. `..` at the root stays at the root, and an absolute target starts there.

    As in openat2(2) with RESOLVE_IN_ROOT, only a directory has entries: `file/..` leads nowhere. Raises BadInput for a
    loop, or more than MAX_LINKS links.
    """
    done: list[str] = []
    rest = path.split("/")[::-1]
    kind: FileType = "directory"
    links: list[str] = []
    followed = 0
    while rest:
        part = rest.pop()
        if kind != "directory" or "\0" in part:
            return Place(_joined(done), None, tuple(links))
        if part in ("", "."):
            continue
        if part == "..":
            del done[-1:]
            continue
        here = _joined([*done, part])
        found = tree.kind(here)
        if found is None:
            return Place(here, None, tuple(links))
        if found != "symlink":
            done.append(part)
            kind = found
            continue
        followed += 1
        if followed > MAX_LINKS:
            raise BadInput(f"{path!r}: too many levels of symbolic links", hint="a link that leads to itself?")
        target = tree.readlink(here)
        if not rest:
            links.append(here)
        if target.startswith("/"):
            done = []
        rest += target.split("/")[::-1]
    return Place(_joined(done), kind, tuple(links))


def _joined(parts: list[str]) -> str:
    return "/" + "/".join(parts)
