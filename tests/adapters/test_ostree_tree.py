"""A commit read without checking it out: few processes, nothing asked twice, and damage is never taken for absence."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.ostree.tree import CommitTree
from adapters.process import Runner
from domain.errors import BadInput, Failed
from domain.quadlets import bound_images
from domain.values import Commit
from tests.lab.os_trees import make_os_commit, make_repo


class Counted:
    """A commit's tree, and the commands that were run for it."""

    def __init__(self, repo: Path, commit: str) -> None:
        self.commands: list[str] = []
        runner = Runner(trace=lambda level, text: self.commands.append(text) if level == 1 else None)
        self.tree = CommitTree(repo, Commit(commit), runner)


def test_a_few_processes_and_none_the_second_time(tmp_path: Path) -> None:
    bound = {f"{number}.container": f"quay.io/x:{number}" for number in range(20)}
    counted = Counted(tmp_path, make_os_commit(tmp_path, "x", version="1", bound=bound))
    first = bound_images(counted.tree)
    asked = len(counted.commands)
    assert len(first) == 20
    assert asked - len(first) <= 12, "one for each file's content, and a constant number"
    assert bound_images(counted.tree) == first
    assert len(counted.commands) == asked


def test_a_commit_that_binds_nothing_is_not_listed(tmp_path: Path) -> None:
    counted = Counted(tmp_path, make_os_commit(tmp_path, "x", version="1", bound={}))
    assert bound_images(counted.tree) == ()
    assert len(counted.commands) <= 6
    assert not [command for command in counted.commands if " -R " in command and not command.endswith(".d")]


def test_a_missing_object_is_not_an_empty_folder(tmp_path: Path) -> None:
    """Taken for a commit that binds nothing, it would be deployed without its images."""
    commit = make_os_commit(tmp_path, "x", version="1", bound={"a.image": "quay.io/a"})
    for place in (tmp_path / "objects").glob("*/*.dirtree"):
        place.unlink()
    with pytest.raises(Failed, match="cannot be read") as caught:
        bound_images(Counted(tmp_path, commit).tree)
    assert "ostree fsck" in caught.value.hint


def test_a_missing_file_object_is_an_error(tmp_path: Path) -> None:
    commit = make_os_commit(tmp_path, "x", version="1", bound={"a.image": "quay.io/a"})
    tree = Counted(tmp_path, commit).tree
    for place in (tmp_path / "objects").glob("*/*.filez"):
        place.unlink()
    with pytest.raises(Failed, match="cannot be read"):
        bound_images(tree)


@pytest.mark.parametrize("what", ["commit", "repository"])
def test_a_missing_commit_or_repository_is_an_error(tmp_path: Path, what: str) -> None:
    repo = make_repo(tmp_path / "repo")
    tree = CommitTree(repo if what == "commit" else tmp_path / "none", Commit("f" * 64), Runner())
    with pytest.raises(Failed, match="cannot be read"):
        tree.kind("/usr")


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_repo(tmp_path_factory.mktemp("trees") / "repo")


_NAME = st.text(st.characters(codec="utf-8", exclude_characters="/\0"), min_size=1, max_size=12) | st.sampled_from(
    ["a\nb", " -> ", "-00644 0 0      0 ", "a\n-00644 0 0      0 "]
)
_TARGET = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1, max_size=30) | st.sampled_from(
    ["a\nb", " -> ", "x\n-00644 0 0      0 /d", "\nl00777 0 0      0 /d/other -> x\n"]
)


@settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.dictionaries(_NAME.filter(lambda name: name not in (".", "..")), _TARGET, max_size=5))
def test_any_names_and_link_texts_are_read_as_they_are(scratch: Path, tmp_path: Path, links: dict[str, str]) -> None:
    root = tmp_path / "root"
    subprocess.run(["rm", "-rf", str(root)], check=True)
    (root / "d").mkdir(parents=True)
    for name, target in links.items():
        (root / "d" / name).symlink_to(target)
    done = subprocess.run(
        ["ostree", "commit", f"--repo={scratch}", "--orphan", f"--tree=dir={root}"],
        check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    tree = CommitTree(scratch, Commit(done.stdout.strip()), Runner())
    assert {name: tree.readlink(f"/d/{name}") for name in tree.names("/d")} == links


_RECORDS = st.sampled_from(["d00755 0 0      0 /", "-00644 0 0      3 /a", "l00777 0 0      0 /b -> x", "\n", " -> "])


@given(st.binary() | st.lists(_RECORDS).map("".join).map(str.encode), st.booleans())
def test_a_listing_that_does_not_fit_is_refused(listing: bytes, whole: bool) -> None:
    tree = CommitTree(Path("/"), Commit("f" * 64), Runner())
    try:
        found = tree._parse(listing, ["/", "/a", "/b"], whole=whole)
    except BadInput:
        return
    assert list(found) == ["/", "/a", "/b"][: len(found)]
    assert len(found) == 3 or not whole
