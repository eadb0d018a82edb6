"""A root file system in memory."""

import posixpath
from collections.abc import Iterable, Mapping

from domain.errors import BadInput, NotFound
from domain.roots import MAX_FILE_BYTES, FileType


class FakeRootTree:
    """Implements `domain.roots.RootTree`. `files` and `links`: absolute path → content, → link text; the directories
    above them are there by themselves. `directories` are further, empty ones; `others` devices and the like.
    """

    def __init__(
        self,
        files: Mapping[str, bytes | str] | None = None,
        links: Mapping[str, str] | None = None,
        directories: Iterable[str] = (),
        others: Iterable[str] = (),
    ) -> None:
        self.files = {
            path: text.encode("utf-8", "surrogateescape") if isinstance(text, str) else text
            for path, text in (files or {}).items()
        }
        self.links = dict(links or {})
        self._kinds: dict[str, FileType] = {"/": "directory"}
        leaves: list[tuple[FileType, Iterable[str]]] = [
            ("file", self.files), ("symlink", self.links), ("directory", directories), ("other", others),
        ]  # fmt: skip
        for kind, paths in leaves:
            for path in paths:
                self._add(path, kind)

    def _add(self, path: str, kind: FileType) -> None:
        assert self._kinds.setdefault(path, kind) == kind, f"{path} is two things"
        if path != "/":
            self._add(posixpath.dirname(path), "directory")

    def kind(self, path: str) -> FileType | None:
        _require_resolved(path)
        return self._kinds.get(path)

    def readlink(self, path: str) -> str:
        return self.links[self._wanted(path, "symlink")]

    def names(self, path: str) -> tuple[str, ...]:
        self._wanted(path, "directory")
        inside = (each for each in self._kinds if each != "/" and posixpath.dirname(each) == path)
        return tuple(sorted(posixpath.basename(each) for each in inside))

    def read(self, path: str) -> bytes:
        data = self.files[self._wanted(path, "file")]
        if len(data) > MAX_FILE_BYTES:
            raise BadInput(f"{path} has more than {MAX_FILE_BYTES} bytes")
        return data

    def _wanted(self, path: str, kind: FileType) -> str:
        if self.kind(path) != kind:
            raise NotFound(f"{path} is not a {kind}")
        return path


def _require_resolved(path: str) -> None:
    if ".." in path.split("/") or "\0" in path or not path.startswith("/"):
        raise BadInput(f"{path!r} is not a resolved path")
