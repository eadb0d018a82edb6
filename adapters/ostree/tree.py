"""A commit's files, read through `ostree ls` and `ostree cat` without checking anything out."""

import posixpath
import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters.process import Result, Runner
from domain.errors import BadInput, NotFound, ProgramFailed
from domain.quadlets import BOUND_IMAGES
from domain.roots import MAX_FILE_BYTES, FileType
from domain.values import Commit

# Where quadlets are looked for: known from the start, one process for each instead of one for each directory above it.
_FIRST = (BOUND_IMAGES, "/usr/share/containers/systemd", "/usr/etc/containers/systemd", "/etc/containers/systemd")
# "l00777 0 0      0 /a/link -> target": type and mode, uid, gid, size in bytes, then the path.
_RECORD = re.compile(rb"(?P<type>[-dlcb?])0[0-7]{4} \d+ \d+ +(?P<size>\d+) ")
_SMALL_BYTES, _AT_ONCE = 16 * 1024, 100  # what is read along with another file
_TYPES: dict[bytes, FileType] = {b"d": "directory", b"l": "symlink", b"-": "file"}
# Of a path that is not in the commit; other failures (a missing object, a missing repository) are worded differently.
_MISSING = re.compile(rb"error: Inspecting path '.*': (?:No such file or directory: /|Not a directory)", re.DOTALL)


@dataclass(frozen=True, slots=True)
class _Entry:
    kind: FileType
    bytes: int
    target: str


@dataclass(slots=True)
class CommitTree:
    """Implements `domain.roots.RootTree`. A commit never changes: nothing is asked for twice.

    A whole commit has a hundred thousand files, of which a few are looked at: paths are looked up by themselves
    (their parents in the same call), and only directories whose names are asked for are listed, with all below them.
    """

    repo: Path
    commit: Commit
    runner: Runner
    _known: dict[str, _Entry | None] = field(default_factory=dict, init=False)
    _children: dict[str, list[str]] = field(default_factory=dict, init=False)
    _contents: dict[str, bytes] = field(default_factory=dict, init=False)

    def kind(self, path: str) -> FileType | None:
        entry = self._entry(path)
        return entry.kind if entry else None

    def readlink(self, path: str) -> str:
        return self._wanted(path, "symlink").target

    def names(self, path: str) -> tuple[str, ...]:
        self._wanted(path, "directory")
        if path not in self._children:
            self._list(path)
        return tuple(sorted(self._children[path]))

    def read(self, path: str) -> bytes:
        if path not in self._contents:
            if self._wanted(path, "file").bytes > MAX_FILE_BYTES:
                raise BadInput(f"{self._shown(path)} has more than {MAX_FILE_BYTES} bytes")
            self._read(path)
        return self._contents[path]

    def _read(self, path: str) -> None:
        """Read a file, and in the same call its like in the directory, where that was listed: quadlets come in numbers.

        ostree prints one after the other; their sizes tell them apart.
        """
        directory, suffix = posixpath.split(path)[0], posixpath.splitext(path)[1]
        alike = [path]
        for name in self._children.get(directory, ()):
            other = f"{directory}/{name}"
            entry = self._known.get(other)
            if entry and entry.kind == "file" and entry.bytes <= _SMALL_BYTES and name.endswith(suffix):
                alike += [other] if other != path and other not in self._contents else []
        wanted = alike[:_AT_ONCE]
        data = self._ostree("cat", *wanted).stdout
        sizes = [self._wanted(each, "file").bytes for each in wanted]
        if sum(sizes) != len(data):
            wanted, sizes = [path], [len(data)]
            data = self._ostree("cat", path).stdout
        for each, size in zip(wanted, sizes, strict=True):
            self._contents[each], data = data[:size], data[size:]

    def _wanted(self, path: str, kind: FileType) -> _Entry:
        entry = self._entry(path)
        if entry is None or entry.kind != kind:
            raise NotFound(f"{self._shown(path)} is not a {kind}")
        return entry

    def _entry(self, path: str) -> _Entry | None:
        for each in (path,) if self._known else (*_FIRST, path):
            if each not in self._known:
                self._look_up(each)
        return self._known[path]

    def _look_up(self, path: str) -> None:
        """Ask for a path, and for those above it, of which the first that is missing ends ostree's answer."""
        if not path.startswith("/") or ".." in path.split("/") or "\0" in path:
            raise BadInput(f"{path!r} is not a resolved path")
        above = [path]
        while above[0] != "/":
            above.insert(0, posixpath.dirname(above[0]))
        asked = [each for each in above if each not in self._known]
        nearest = posixpath.dirname(asked[0])
        if len(asked) < len(above) and (self._known[nearest] is None or nearest in self._children):
            self._known[path] = None
            return
        result = self._ostree("ls", *asked, options=["-d"], missing=True)
        answered = self._parse(result.stdout, asked, whole=result.code == 0)
        self._known.update({each: answered.get(each) for each in asked})

    def _list(self, directory: str) -> None:
        names = self._ostree("ls", directory, options=["-R", "--nul-filenames-only"]).stdout.split(b"\0")[:-1]
        paths = [name.decode("utf-8", "surrogateescape") for name in names]
        entries = self._parse(self._ostree("ls", directory, options=["-R"]).stdout, paths, whole=True)
        self._known.update(entries)
        for path in paths:
            if entries[path].kind == "directory":
                self._children[path] = []
        for path in paths[1:]:
            self._children[posixpath.dirname(path)].append(posixpath.basename(path))

    def _parse(self, listing: bytes, paths: Sequence[str], *, whole: bool) -> dict[str, _Entry]:
        """The records of a listing, for paths that are known beforehand: a name or a link's text may hold anything,
        a line end and an arrow among it. Raises BadInput for a listing that does not fit them.
        """
        found: dict[str, _Entry] = {}
        at = 0
        for number, path in enumerate(paths):
            head = _RECORD.match(listing, at)
            if head is None and not whole and at == len(listing):
                break
            name = path.encode("utf-8", "surrogateescape")
            if head is None or not listing.startswith(name, head.end()):
                raise self._unreadable(path)
            at, target = head.end() + len(name), b""
            if head["type"] == b"l":
                following = paths[number + 1] if number + 1 < len(paths) else None
                start, at = at + len(b" -> "), self._end_of_link(listing, at, following)
                target = listing[start:at]
            if listing[at : at + 1] != b"\n":
                raise self._unreadable(path)
            at += 1
            kind = _TYPES.get(head["type"], "other")
            found[path] = _Entry(kind, int(head["size"]), target.decode("utf-8", "surrogateescape"))
        if at != len(listing):
            raise self._unreadable(paths[-1])
        return found

    def _end_of_link(self, listing: bytes, at: int, following: str | None) -> int:
        """Where a link's text ends: before the record that has to follow, or at the end."""
        if following is not None:
            name = re.escape(following.encode("utf-8", "surrogateescape"))
            match = re.compile(rb"\n" + _RECORD.pattern + name + rb"(?:\n| -> )").search(listing, at)
            if match is not None:
                return match.start()
        return len(listing) - 1

    def _unreadable(self, path: str) -> BadInput:
        return BadInput(f"what 'ostree ls' says of {self._shown(path)} cannot be read")

    def _shown(self, path: str) -> str:
        return f"{ascii(path)[1:-1]} of commit {self.commit[:12]}"

    def _ostree(self, command: str, *paths: str, options: Sequence[str] = (), missing: bool = False) -> Result:
        """Run it. A path that is missing is an answer where that may be; anything else that fails is an error."""
        argv = ["ostree", command, f"--repo={self.repo}", *options, self.commit, *paths]
        result = self.runner.run(argv, check=False)
        if result.code and not (missing and _MISSING.match(result.stderr)):
            raise ProgramFailed(
                f"commit {self.commit[:12]} cannot be read: {result.complaint}",
                hint=f"'ostree fsck --repo={self.repo}' checks the repository",
            )
        return result
