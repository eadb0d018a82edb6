"""An ostree repository: names looked up, commits brought in from paths, URLs and remotes."""

import http.server
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.ostree.repo import OstreeRepo, parse_refspec
from adapters.process import Runner
from domain.errors import Failed, NotFound, Usage
from tests.lab.os_trees import make_os_commit, make_repo


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        pass


@pytest.fixture
def repo(tmp_path: Path) -> OstreeRepo:
    return OstreeRepo(make_repo(tmp_path / "repo", "bare"), Runner())


@pytest.fixture
def source(tmp_path: Path) -> Path:
    return make_repo(tmp_path / "the source")


@pytest.fixture
def url(source: Path) -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(source))) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def add_remote(repo: OstreeRepo, name: str, url: str) -> None:
    repo.runner.run(["ostree", "remote", "add", f"--repo={repo.path}", "--no-gpg-verify", name, url])


def refs(repo: OstreeRepo) -> set[str]:
    return set(repo.runner.run(["ostree", "refs", f"--repo={repo.path}"]).text.split())


def test_a_repository_is_one_with_its_objects(repo: OstreeRepo, tmp_path: Path) -> None:
    assert repo.exists()
    assert not OstreeRepo(tmp_path, repo.runner).exists()


def test_fetching_from_a_file_url(repo: OstreeRepo, source: Path) -> None:
    commit = make_os_commit(source, "os/a", version="1", bound={})
    assert repo.fetch("os/a", source.as_uri()) == commit, "the blank in its path is %20"
    assert (repo.ref("os/a"), refs(repo)) == (commit, {"os/a"})


def test_fetching_from_a_url(repo: OstreeRepo, source: Path, url: str) -> None:
    first = make_os_commit(source, "os/a", version="1", bound={})
    assert repo.fetch("os/a", url) == first
    second = make_os_commit(source, "os/a", version="2", bound={}, parent=first)
    assert repo.fetch(first, url) == first
    assert repo.ref("os/a") == first, "a checksum moves no ref"
    assert repo.fetch("os/a", url) == second
    assert (repo.ref("os/a"), refs(repo), repo.remotes()) == (second, {"os/a"}, ())


def test_fetching_from_a_remote_keeps_its_ref(repo: OstreeRepo, source: Path, url: str) -> None:
    add_remote(repo, "vendor", url)
    commit = make_os_commit(source, "os/a", version="1", bound={})
    assert repo.fetch("os/a", "vendor") == commit
    assert repo.fetch("vendor:os/a", "vendor") == commit
    assert repo.fetch(commit, "vendor") == commit
    assert (refs(repo), repo.resolve("vendor:os/a")) == ({"vendor:os/a"}, commit)
    with pytest.raises(NotFound, match="no commit or ref 'os/a'"):
        repo.resolve("os/a")


@pytest.mark.parametrize("name", ["os/none", "f" * 64])
def test_what_a_url_does_not_have(repo: OstreeRepo, source: Path, url: str, name: str) -> None:
    make_os_commit(source, "os/a", version="1", bound={})
    with pytest.raises(NotFound, match=f"cannot fetch {name} from {url}"):
        repo.fetch(name, url)
    assert (refs(repo), repo.remotes()) == (set(), ())


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_no_password_in_an_error(repo: OstreeRepo, scheme: str) -> None:
    with pytest.raises(Failed) as caught:
        repo.fetch("os/a", f"{scheme}://me:hunter2@127.0.0.1:1/repo")
    assert "hunter2" not in caught.value.message + caught.value.hint
    assert f"{scheme}://127.0.0.1:1/repo" in caught.value.message
    assert repo.remotes() == ()


@pytest.mark.parametrize("source_name", ["gopher://x/", "http://[", "http://", "-x", "", "file:///nothing", "a\0b"])
def test_a_source_that_is_none(repo: OstreeRepo, source_name: str) -> None:
    with pytest.raises(Failed):
        repo.fetch("os/a", source_name)
    assert repo.remotes() == ()


def test_what_a_crash_left_of_a_fetch_goes_with_the_next(repo: OstreeRepo, source: Path, url: str) -> None:
    commit = make_os_commit(source, "os/a", version="1", bound={})
    add_remote(repo, "storectl-fetch", "http://127.0.0.1:1/elsewhere")
    repo.runner.run(["ostree", "pull-local", f"--repo={repo.path}", "--remote=storectl-fetch", source, "os/a"])
    assert refs(repo) == {"storectl-fetch:os/a"}
    assert repo.fetch(commit, url) == commit
    assert (refs(repo), repo.remotes()) == (set(), ())


def test_a_damaged_source_is_not_taken_in(repo: OstreeRepo, source: Path) -> None:
    make_os_commit(source, "os/a", version="1", bound={"a.image": "quay.io/a"})
    for place in (source / "objects").glob("*/*.filez"):
        data = place.read_bytes()
        place.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(Failed, match="cannot fetch os/a"):
        repo.fetch("os/a", str(source))


def test_a_half_fetched_commit_is_not_there(repo: OstreeRepo, source: Path) -> None:
    commit = make_os_commit(source, "os/a", version="1", bound={})
    repo.fetch("os/a", str(source))
    (repo.path / f"state/{commit}.commitpartial").touch()
    for name in ("os/a", commit, commit[:12]):
        with pytest.raises(NotFound, match="only partly"):
            repo.resolve(name)


@pytest.mark.parametrize("content", [b"", b"\xff", b"../../x", b"f" * 63])
def test_a_damaged_ref_means_nothing(repo: OstreeRepo, content: bytes) -> None:
    (repo.path / "refs/heads/os").mkdir()
    (repo.path / "refs/heads/os/a").write_bytes(content)
    with pytest.raises(NotFound):
        repo.resolve("os/a")


@given(st.text() | st.text("ab/.:^-_", max_size=12))
def test_no_name_can_be_an_option_or_lead_out(text: str) -> None:
    try:
        whole, remote, ref, parents = parse_refspec(text)
    except Usage:
        return
    assert whole == text == (f"{remote}:" if remote else "") + ref + parents
    assert not text.startswith(("-", "/"))
    assert not {"", ".."} & set(ref.split("/"))
    assert "/" not in remote
