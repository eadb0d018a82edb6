"""What backing up and replaying need of the machine beside `domain/ports.py`: places where content is kept."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Protocol

from domain.backups import ArchivedImage, Generation, Lacking
from domain.ledger.entry import Entry, Head
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Genesis, Verify
from domain.ledger.raw import RawSource
from domain.store_view import StoredImage, StoreView
from domain.values import Commit

Progress = Callable[[str], None]


class PastLog(RawSource, Protocol):
    """A log that is only read: its copy in a backup, or the one that a store was replayed from."""

    @property
    def origin(self) -> str: ...

    def head(self) -> Head: ...

    def genesis(self) -> Genesis: ...

    def key_schedule(self, verify: Verify | None = None) -> KeySchedule: ...

    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]:
        """As domain.ports.EventLog.entries."""


class PastLogs(Protocol):
    def open(self, path: str) -> AbstractContextManager[PastLog]:
        """Raises NotFound, BadInput, Tampered."""


@dataclass(frozen=True, slots=True)
class LogCopy:
    """What one generation has of the log: its size and root hash (hex), and who it is."""

    store: str
    origin: str
    vkey: str
    size: int
    root_hash: str


class ImageArchive(Protocol):
    """Images in an OCI layout, their blobs shared."""

    def add(self, image: StoredImage, view: StoreView, progress: Progress) -> ArchivedImage:
        """Have the image in the layout, whole; a blob that is there and whole is not written again.

        Raises Failed or BadInput where the store's own copy cannot be read as what it was, naming what.
        """

    def problems(self, images: Sequence[ArchivedImage]) -> list[Lacking]:
        """Every blob of these images that is missing or is not what its digest says."""


class CommitArchive(Protocol):
    """Commits in an ostree repository in archive mode."""

    def add(self, commit: Commit) -> None:
        """Have the commit in it, whole. Raises NotFound, Failed."""

    def problems(self, commits: Sequence[Commit]) -> list[Lacking]:
        """Every commit that is not there, and what ostree finds wrong with any object."""


class Backups(Protocol):
    """One place with generations of backups."""

    @property
    def images(self) -> ImageArchive: ...

    @property
    def commits(self) -> CommitArchive: ...

    @property
    def written(self) -> int:
        """Bytes newly written since this was opened."""

    def newest(self) -> Generation | None:
        """The last one that was finished. Raises NotFound or BadInput where its record does not hold."""

    def copy_log(self) -> AbstractContextManager[PastLog]:
        """Copy the log as it is now, with its checkpoints and public keys, into a generation that is being made."""

    def finish(self, time: str, copied: LogCopy, content: Sequence[ArchivedImage] | None, commits: Sequence[Commit],
               lacking: Sequence[Lacking]) -> Generation:  # fmt: skip
        """Put the generation in its place, on disk and read back. Raises Failed, BadInput."""

    def discard(self) -> None:
        """Take away what `copy_log` began."""

    def problems(self, generation: Generation) -> list[Lacking]:
        """Whatever of a generation is missing or changed: files, blobs, commits, the index."""
