"""A place with backups, one generation a run; each is made aside and renamed when all of it is on disk and read back.

    DEST/generations/000001/{backup.json,backup.json.sha256,log.db,checkpoint,…}
    DEST/images/     an OCI layout, for all generations
    DEST/commits/    an ostree repository, for all generations

A run that was cut off leaves a directory `generations/.new`, which the next one begins anew, and blobs and objects
that the next one uses: they are named by what is in them.
"""

import fcntl
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from adapters.backup.commit_archive import CommitRepo
from adapters.backup.files import hashed, sync_directory, sync_tree, write_whole
from adapters.backup.image_layout import ImageLayout
from adapters.event_log.high_water import HighWater, Mark
from adapters.event_log.log_copy import copy_log
from adapters.event_log.reader import LogReader
from adapters.files.layout import Layout
from adapters.keys.ed25519 import verify
from adapters.process import Runner
from domain.archive_ports import LogCopy
from domain.backups import ArchivedImage, Generation, Lacking, Piece, format_generation, parse_generation, piece_of
from domain.errors import BadInput, Busy, Failed, NotFound, Refused, StoreError
from domain.ledger.keys import VerifierKey, event_key_name
from domain.values import Commit

_NUMBER = re.compile(r"[0-9]{6,}")
_RECORD, _RECORD_HASH, _COMMITS = "backup.json", "backup.json.sha256", "commits.sha256"


@dataclass(slots=True)
class BackupDirectory:
    """Implements `domain.archive_ports.Backups`. `layout` is the sysroot that is backed up."""

    path: Path
    layout: Layout
    runner: Runner
    _layout: ImageLayout = field(init=False)
    _repo: CommitRepo = field(init=False)
    _repo_bytes: int = 0
    _log_bytes: int = 0

    def __post_init__(self) -> None:
        self._layout = ImageLayout(self.path / "images", self.layout.store)
        self._repo = CommitRepo(self.path / "commits", self.layout.sysroot / "ostree/repo", self.runner)

    @property
    def images(self) -> ImageLayout:
        return self._layout

    @property
    def commits(self) -> CommitRepo:
        return self._repo

    @property
    def written(self) -> int:
        return self._layout.written + self._log_bytes + max(0, self._repo.length() - self._repo_bytes)

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Make the place where there is none, and keep other runs out. Raises Refused, Busy, Failed."""
        try:
            if self.path.is_dir() and any(self.path.iterdir()) and not self._generations.is_dir():
                raise Refused(
                    f"{self.path} is not empty, and no backup", hint="name a new directory, or the one of a backup"
                )
            if not self.path.parent.is_dir():
                # As for a file system that is not mounted: a backup beside it would be none.
                raise NotFound(f"{self.path.parent} does not exist", hint="is it mounted? make the directory first")
            self._generations.mkdir(parents=True, mode=0o700, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
        except OSError as error:
            raise Failed(f"cannot make {self.path}: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            self._repo_bytes = self._repo.length()
            yield
        except BlockingIOError:
            raise Busy(f"another backup is being written to {self.path}", hint="try again when it is done") from None
        finally:
            os.close(descriptor)

    def numbers(self) -> list[int]:
        """Of every generation that was finished, the oldest first."""
        if not self._generations.is_dir():
            return []
        return sorted(int(place.name) for place in self._generations.iterdir() if _NUMBER.fullmatch(place.name))

    def newest(self) -> Generation | None:
        numbers = self.numbers()
        return self.read(numbers[-1]) if numbers else None

    def read(self, number: int) -> Generation:
        """One generation's record. Raises NotFound; BadInput where a byte of it is not what was written."""
        place = self.place(number)
        try:
            data = (place / _RECORD).read_bytes()
            said = (place / _RECORD_HASH).read_bytes()
        except OSError as error:
            raise NotFound(f"generation {number} in {self.path} is not whole: {error}", hint=_OTHER) from error
        if said != _record_hash(data):
            raise BadInput(f"{place}/{_RECORD} was changed: {_RECORD_HASH} does not fit it", hint=_OTHER)
        try:
            generation = parse_generation(data)
        except BadInput as error:
            raise BadInput(f"{place}/{_RECORD}: {error.message}", hint=_OTHER) from error
        if generation.number != number:
            raise BadInput(f"{place} holds generation {generation.number}", hint=_OTHER)
        return generation

    def place(self, number: int) -> Path:
        """A generation's directory."""
        return self._generations / f"{number:06}"

    # Making one

    @contextmanager
    def copy_log(self) -> Iterator[LogReader]:
        """As domain.archive_ports.Backups.copy_log."""
        new = self._new
        try:
            shutil.rmtree(new, ignore_errors=True)
            new.mkdir(mode=0o700)
            copy_log(self.layout.log, new / "log.db")
            with LogReader(new / "log.db") as reader:
                self._write_beside(new, reader)
                yield reader
        except OSError as error:
            raise Failed(f"cannot write {new}: {error.strerror}", hint="is there room left?") from error

    def _write_beside(self, new: Path, reader: LogReader) -> None:
        head, schedule = reader.head_row(), reader.key_schedule()
        key = VerifierKey(head.origin, schedule.current("log"))
        write_whole(new / "checkpoint", [head.checkpoint.encode()])
        HighWater(new / "high-water", [key], verify).create(Mark(head.checkpoint, head.frontier))
        write_whole(new / "log.vkey", [f"{key}\n".encode()])
        event_key = VerifierKey(event_key_name(head.origin), schedule.current("event"))
        write_whole(new / "event.vkey", [f"{event_key}\n".encode()])
        if self.layout.config.is_file():
            write_whole(new / "config.toml", [self.layout.config.read_bytes()])
        for place in (self.layout.checkpoints, self.layout.past):
            for path in sorted(place.rglob("*")) if place.is_dir() else ():
                if path.is_file() and not path.is_symlink() and path != self.layout.high_water:
                    target = new / path.relative_to(self.layout.state)
                    target.parent.mkdir(parents=True, mode=0o700, exist_ok=True)
                    write_whole(target, [path.read_bytes()])

    def finish(
        self, time: str, copied: LogCopy, content: Sequence[ArchivedImage] | None, commits: Sequence[Commit],
        lacking: Sequence[Lacking],
    ) -> Generation:  # fmt: skip
        """As domain.archive_ports.Backups.finish."""
        numbers = self.numbers()
        number = numbers[-1] + 1 if numbers else 1
        new, place = self._new, self.place(number)
        try:
            if content is not None:
                self._layout.write_index([*self._archived(numbers), *content])
                self._repo.sync()
                write_whole(new / _COMMITS, [self._repo.listing()])
            files = {str(path.relative_to(new)): _piece(path) for path in sorted(new.rglob("*")) if path.is_file()}
            generation = Generation(
                number, time, copied.store, copied.origin, copied.vkey, copied.size, copied.root_hash,
                content is not None, files, tuple(content or ()), tuple(commits), tuple(lacking),
            )  # fmt: skip
            data = format_generation(generation)
            write_whole(new / _RECORD, [data])
            write_whole(new / _RECORD_HASH, [_record_hash(data)])
            self._log_bytes += sum(piece.bytes for piece in files.values()) + len(data)
            sync_tree(new)
            wrong = self._problems(generation, new)
            if wrong:
                raise Failed(f"the backup was written, and does not hold when read back: {wrong[0].detail}")
            new.rename(place)
            for directory in (self._generations, self.path, self.path.parent):
                sync_directory(directory)
        except OSError as error:
            raise Failed(f"cannot write {new}: {error.strerror}", hint="is there room left?") from error
        return generation

    def _archived(self, numbers: Sequence[int]) -> Iterator[ArchivedImage]:
        for number in numbers:
            try:
                yield from self.read(number).images
            except StoreError:
                continue  # damaged: `backup --verify` says so; what is newer must not suffer for it

    def discard(self) -> None:
        """Take away what `copy_log` began."""
        shutil.rmtree(self._new, ignore_errors=True)

    # Checking

    def problems(self, generation: Generation) -> list[Lacking]:
        """As domain.archive_ports.Backups.problems."""
        return self._problems(generation, self.place(generation.number))

    def file_problems(self, generation: Generation) -> list[Lacking]:
        """Of a generation's own files alone: what a replay starts from."""
        place = self.place(generation.number)
        return list(self._file_problems(generation, place))

    def _problems(self, generation: Generation, place: Path) -> list[Lacking]:
        found = list(self._file_problems(generation, place))
        if generation.content:
            found += self._layout.problems(generation.images)
            if not any(each.target == _COMMITS for each in found):
                listing = (place / _COMMITS).read_bytes()
                changed = [Lacking("commits", words) for words in self._repo.changed(listing)]
                found += changed or self._repo.problems(generation.commits)
        return found

    @staticmethod
    def _file_problems(generation: Generation, place: Path) -> Iterator[Lacking]:
        for name, piece in generation.files.items():
            found = hashed(place / name)
            if found != piece:
                yield Lacking(name, f"{place / name} {'is missing' if found is None else 'was changed'}")

    @property
    def _generations(self) -> Path:
        return self.path / "generations"

    @property
    def _new(self) -> Path:
        return self._generations / ".new"


def _piece(path: Path) -> Piece:
    piece = hashed(path)
    if piece is None:
        raise Failed(f"{path} has gone while the backup was being made")
    return piece


def _record_hash(data: bytes) -> bytes:
    """As sha256sum writes it, so that it can check it."""
    return f"{piece_of(data).digest.removeprefix('sha256:')}  {_RECORD}\n".encode()


_OTHER = "an older generation may hold: --generation N, see 'storectl backup --verify'"
