"""A root file system to read from, wherever it lies: a directory, or a commit that nobody checked out."""

from typing import Literal, Protocol

FileType = Literal["file", "directory", "symlink", "other"]

MAX_FILE_BYTES = 1024 * 1024
"""The largest file that a RootTree reads: no quadlet is that large."""


class RootTree(Protocol):
    """Paths are absolute inside the root, already resolved (no `..`, no symlink in a parent), e.g. `/usr/lib/x`.

    Implementations never follow a symlink: resolving them inside the root is `domain.root_paths`' work. Names that are
    not UTF-8 carry surrogate escapes (PEP 383).
    """

    def kind(self, path: str) -> FileType | None:
        """What lies at the path itself; None if nothing does."""

    def readlink(self, path: str) -> str:
        """A symbolic link's text. Raises NotFound for what is none."""

    def names(self, path: str) -> tuple[str, ...]:
        """A directory's entries, sorted. Raises NotFound for what is none."""

    def read(self, path: str) -> bytes:
        """A regular file's content. Raises NotFound for what is none, BadInput over MAX_FILE_BYTES."""
