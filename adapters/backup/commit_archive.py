"""The commits of a backup: one ostree repository in archive mode, objects shared.

ostree names objects by the checksum of their content, and a repository has a few files besides (its configuration,
detached metadata). So that every byte is answered for, a generation keeps the hash of every file here.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.backup.files import hashed, sync_tree
from adapters.ostree.repo import OstreeRepo
from adapters.process import TRANSFER_TIMEOUT, Runner
from domain.backups import Lacking
from domain.errors import BadInput, Failed, NotFound, StoreError
from domain.values import Commit

_LEFT_OUT = ("tmp", "state", ".lock")  # what ostree keeps for itself while it works


class CommitRepo:
    """Implements `domain.archive_ports.CommitArchive` below `path`, from the sysroot's repository."""

    def __init__(self, path: Path, sysroot_repo: Path, runner: Runner) -> None:
        self.path = path
        self._from = sysroot_repo
        self._runner = runner
        self._repo = OstreeRepo(path, runner)

    def add(self, commit: Commit) -> None:
        """As domain.archive_ports.CommitArchive.add. Not again where it is there: `problems` says whether it holds."""
        if not self._repo.exists():
            self.path.mkdir(parents=True, mode=0o700, exist_ok=True)
            self._run("init", "--mode=archive")
        try:
            self._repo.require(commit)
        except NotFound:
            OstreeRepo(self._from, self._runner).require(commit)
            self._run("pull-local", "--untrusted", str(self._from), commit)

    def problems(self, commits: Sequence[Commit]) -> list[Lacking]:
        """As domain.archive_ports.CommitArchive.problems."""
        found = []
        for commit in commits:
            try:
                self._repo.require(commit)
            except StoreError as error:
                found.append(Lacking(commit, error.message))
        if commits and not found:
            argv = ["ostree", "fsck", f"--repo={self.path}", "--quiet"]
            result = self._runner.run(argv, check=False, timeout=TRANSFER_TIMEOUT)
            if result.code:
                found.append(Lacking("commits", f"{self.path}: {result.complaint}"))
        return found

    def sync(self) -> None:
        """Everything on disk: ostree syncs objects, and not the directories in between."""
        if self.path.is_dir():
            try:
                sync_tree(self.path)
            except OSError as error:
                raise Failed(f"cannot sync {self.path}: {error.strerror}") from error

    def listing(self) -> bytes:
        """The hash of every file, as sha256sum writes it."""
        lines = []
        for path in self._files():
            piece = hashed(path)
            if piece is not None:
                lines.append(f"{piece.digest.removeprefix('sha256:')}  {path.relative_to(self.path)}\n")
        return "".join(lines).encode()

    def length(self) -> int:
        """How many bytes lie in it."""
        return sum(path.stat().st_size for path in self._files())

    def changed(self, listing: bytes) -> Iterator[str]:
        """What a listing names and is missing or another now, in words. Raises BadInput for what is no listing."""
        for line in listing.decode("utf-8", "replace").splitlines():
            digest, separator, name = line.partition("  ")
            path = self.path / name
            if not separator or ".." in path.parts or name.startswith("/"):
                raise BadInput(f"not a line of a listing: {line!r}")
            piece = hashed(path)
            if piece is None or piece.digest != f"sha256:{digest}":
                yield f"{path} {'is missing' if piece is None else 'was changed'}"

    def _files(self) -> list[Path]:
        if not self.path.is_dir():
            return []
        return sorted(
            path
            for path in self.path.rglob("*")
            if path.is_file() and not path.is_symlink() and path.relative_to(self.path).parts[0] not in _LEFT_OUT
        )

    def _run(self, command: str, *words: str) -> None:
        self._runner.run(["ostree", command, f"--repo={self.path}", *words], timeout=TRANSFER_TIMEOUT)
