"""An ostree repository: which commit a name means, and commits brought in from other repositories."""

import re
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote, urlsplit

from adapters.process import TRANSFER_TIMEOUT, Result, Runner
from domain.errors import Ambiguous, Failed, NotFound, ProgramFailed, Usage
from domain.values import Commit

# A ref as ostree spells it, in a remote perhaps, with ^ for each step to a parent. It cannot begin with "-".
_NAME = r"[A-Za-z0-9_][A-Za-z0-9._-]*"
_REFSPEC = re.compile(rf"(?:(?P<remote>{_NAME}):)?(?P<ref>{_NAME}(?:/[A-Za-z0-9._-]+)*)(?P<parents>\^*)")
_COMMIT = re.compile(r"[0-9a-f]{64}")
_PREFIX = re.compile(r"[0-9a-f]{6,63}")
_FETCH_REMOTE = "storectl-fetch"
_NOT_THERE = re.compile(r"No such branch|Refspec '.*' not found|Server returned (?:HTTP|status) 404")


@dataclass(frozen=True, slots=True)
class OstreeRepo:
    """One repository; refs and commits are looked up in its files, whose layout is ostree's public format."""

    path: Path
    runner: Runner

    def exists(self) -> bool:
        return (self.path / "config").is_file() and (self.path / "objects").is_dir()

    def resolve(self, commit_or_ref: str) -> Commit:
        """The commit that a ref, `remote:ref`, `ref^`, a checksum, or an unambiguous prefix of one means.

        Raises Usage (it cannot be any of these), NotFound (unknown, or not wholly there), Ambiguous.
        """
        text = parse_refspec(commit_or_ref)[0]
        commit = Commit(text) if _COMMIT.fullmatch(text) else self.ref(text) or self._by_prefix(text)
        if commit is None and text.endswith("^"):
            commit = self._parent(text)
        if commit is None:
            raise NotFound(
                f"there is no commit or ref {text!r} in {self.path}",
                hint=f"'ostree refs --repo={self.path}' lists refs; --from REPO-OR-URL fetches",
            )
        self.require(commit)
        return commit

    def require(self, commit: Commit) -> None:
        """Raises NotFound unless the commit is there, and whole."""
        if not self._object(commit).is_file():
            raise NotFound(f"the commit {commit} is not in {self.path}", hint="fetch it: --from REPO-OR-URL")
        if (self.path / f"state/{commit}.commitpartial").exists():
            raise NotFound(
                f"the commit {commit} is only partly in {self.path}", hint="fetch it again: --from REPO-OR-URL"
            )

    def ref(self, refspec: str) -> Commit | None:
        """What a ref, or `remote:ref`, points to; None if there is none of that name."""
        remote, ref, parents = parse_refspec(refspec)[1:]
        place = self.path / (f"refs/remotes/{remote}" if remote else "refs/heads") / ref
        try:
            text = place.read_text("ascii").strip() if not parents else ""
        except (OSError, UnicodeDecodeError):
            return None
        return Commit(text) if _COMMIT.fullmatch(text) else None

    def name_commit(self, ref: str, commit: Commit) -> None:
        """Let a local ref point to the commit. Raises Usage for what is no ref; a remote's refs are the remote's."""
        _, remote, name, parents = parse_refspec(ref)
        if not remote and not parents and not _COMMIT.fullmatch(name) and self.ref(name) != commit:
            self._run("refs", "--force", f"--create={name}", commit)

    def remotes(self) -> tuple[str, ...]:
        """The names of the configured remotes."""
        return tuple(self._run("remote list").text.split())

    def _object(self, commit: str) -> Path:
        return self.path / f"objects/{commit[:2]}/{commit[2:]}.commit"

    def _by_prefix(self, text: str) -> Commit | None:
        if not _PREFIX.fullmatch(text):
            return None
        found = sorted(text[:2] + place.stem for place in self._object(text).parent.glob(f"{text[2:]}*.commit"))
        if len(found) > 1:
            raise Ambiguous(f"{text} could be any of {len(found)} commits: {', '.join(found[:10])}", hint="say more")
        return Commit(found[0]) if found else None

    def _parent(self, text: str) -> Commit | None:
        result = self._run("rev-parse", text, check=False)
        return Commit(result.text.strip()) if result.code == 0 else None

    # Bringing commits in

    def fetch(self, commit_or_ref: str, source: str) -> Commit:
        """Bring a commit in from a repository's path (or file:// URL), the name of a remote, or a URL.

        From a path or URL, a ref is known here by its own name afterwards; from a remote, as `remote:ref`. Raises
        NotFound, or Failed with what ostree says.
        """
        parse_refspec(commit_or_ref)
        try:
            url = urlsplit(source)
        except ValueError as error:
            raise NotFound(f"not a URL: {source!r}: {error}", hint="name a repository, a URL or a remote") from None
        try:
            if url.scheme == "file":
                return self._fetch_local(commit_or_ref, Path(unquote(url.path)))
            if "://" in source:
                return self._fetch_url(commit_or_ref, source)
            if "/" not in source and source in self.remotes():
                return self._fetch_remote(commit_or_ref.removeprefix(f"{source}:"), source)
            return self._fetch_local(commit_or_ref, Path(source))
        except ProgramFailed as error:
            # Without the hint, which has the whole command in it: the URL may hold a password.
            shown = _public(source)
            words = f"cannot fetch {commit_or_ref} from {shown}: {error.message.replace(source, shown)}"
            kind = NotFound if _NOT_THERE.search(error.message) else Failed
            raise kind(words, hint="is the source right, and has it that ref?") from error

    def _fetch_local(self, commit_or_ref: str, path: Path) -> Commit:
        source = OstreeRepo(path, self.runner)
        if not source.exists():
            raise NotFound(f"{path} is no ostree repository", hint="name a repository, a URL or a remote")
        commit = source.resolve(commit_or_ref)
        named = source.ref(commit_or_ref) is not None and ":" not in commit_or_ref
        # --untrusted: checksums are verified, as they always are over HTTP.
        self._run("pull-local", "--untrusted", path.absolute(), commit_or_ref if named else commit, long=True)
        # Asked again: the ref may have moved between the look at it and the copy.
        return self.resolve(commit_or_ref if named else commit)

    def _fetch_remote(self, commit_or_ref: str, remote: str) -> Commit:
        self._run("pull", remote, commit_or_ref, long=True)
        return self.resolve(commit_or_ref if _COMMIT.fullmatch(commit_or_ref) else f"{remote}:{commit_or_ref}")

    def _fetch_url(self, commit_or_ref: str, url: str) -> Commit:
        self.forget_fetching()
        self._run("remote add", "--no-gpg-verify", "--no-sign-verify", _FETCH_REMOTE, url)
        try:
            commit = self._fetch_remote(commit_or_ref, _FETCH_REMOTE)
            if commit != commit_or_ref:
                # As pull-local does: the ref is what keeps the commit, and what ostree can upgrade from.
                self._run("refs", "--force", f"--create={commit_or_ref}", commit)
            return commit
        finally:
            self.forget_fetching()

    def forget_fetching(self) -> None:
        """Remove the remote that fetching from a URL takes, and its refs, which would hold their commits for ever.

        Also what a crash left of them; never raises.
        """
        refs = self.path / "refs/remotes" / _FETCH_REMOTE
        for place in sorted(refs.rglob("*")):
            if place.is_file():
                self._run("refs", "--delete", f"{_FETCH_REMOTE}:{place.relative_to(refs)}", check=False)
        self._run("remote delete", "--if-exists", _FETCH_REMOTE, check=False)

    def _run(self, command: str, *words: str | Path, check: bool = True, long: bool = False) -> Result:
        argv: list[str | Path] = ["ostree", *command.split(), f"--repo={self.path}", *words]
        return self.runner.run(argv, check=check, timeout=TRANSFER_TIMEOUT if long else 120.0, transfers=long)


def parse_refspec(text: str) -> tuple[str, str, str, str]:
    """(text, remote or "", ref, parents): a name that cannot be an option of ostree's, or a path. Raises Usage."""
    match = _REFSPEC.fullmatch(text)
    if match is None or ".." in text.split("/"):
        raise Usage(f"not a commit or ref: {text!r}", hint="a ref (os/stable, remote:os/stable) or a commit's checksum")
    return text, match["remote"] or "", match["ref"], match["parents"]


def _public(source: str) -> str:
    """The source without a password."""
    url = urlsplit(source)
    return url._replace(netloc=url.netloc.rpartition("@")[2]).geturl() if "@" in url.netloc else source
