"""Whatever comes as a word, a variable, a closed descriptor or a narrow terminal: an answer or a clear message."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import STORECTL, LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry


@pytest.fixture(scope="module")
def made(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHost]:
    """One store for all: none of these words may change it."""
    host = LabHost(registry, tmp_path_factory.mktemp("words"))
    host.init()
    host.push("app")
    host.ok("pull", host.name("app"), "--no-tls-verify")
    yield host
    host.ok("verify")
    host.unmount()
    remove_sysroot(host.sysroot)


def raw(host: LabHost, *words: bytes | str, **variables: bytes) -> subprocess.CompletedProcess[bytes]:
    """storectl with words and variables that need not be text."""
    argv = [*STORECTL, "--sysroot", str(host.sysroot), *words]
    environment = {**os.environb, **{name.encode(): value for name, value in variables.items()}}
    ran = subprocess.run(argv, capture_output=True, stdin=subprocess.DEVNULL, env=environment, check=False)
    assert b"Traceback" not in ran.stderr, ran.stderr
    return ran


def test_bytes_that_are_no_text(made: LabHost) -> None:
    head = made.json("status")["head"]
    image = made.json("images")[0]["id"]
    for words in (["pin", image, "--reason", b"\xff"], ["deploy", "x", "--from", b"/\xff"], ["why", b"\xff"],
                  ["consumer", "add", b"\xff"], ["--sysroot", b"\xff", "init"]):  # fmt: skip
        ran = raw(made, *words)
        assert ran.returncode == 2, words
        assert b"UTF-8" in ran.stderr
    assert raw(made, "status", STORECTL_SYSROOT=b"\xff").returncode == 2
    assert made.json("status")["head"] == head


def test_an_actor_that_the_environment_makes_up_is_recorded_all_the_same(made: LabHost) -> None:
    image = made.json("images")[0]["id"]
    for number, name in enumerate((b"a\nb\x1b[31m", b"x" * 10_000, b"\xff")):
        assert raw(made, "pin", image, "--reason", str(number), SUDO_USER=name).returncode == 0, name
    actors = [event["actor"] for event in made.history("--type", "PinSet")]
    assert all(actor.isprintable() and len(actor) <= 100 for actor in actors)
    assert actors[0] == "a?b?[31m/root"


def test_empty_words_are_wrong_and_never_the_default(made: LabHost) -> None:
    """An unset variable in somebody's script: it must not mean 'the previous deployment' or 'here'."""
    for words, code in (
        (["rollback", "--to", ""], 1), (["history", ""], 1), (["history", "--since", ""], 2), (["pull", ""], 2),
        (["deploy", "x", "--from", ""], 2), (["deploy", "x", "--stateroot", ""], 2), (["--sysroot", "", "status"], 2),
        (["gc", "--plan", ""], 2), (["pin", "x", "--until", ""], 2), (["why", ""], 1), (["undeploy", ""], 1),
    ):  # fmt: skip
        ran = made.run("--json", *words)
        assert ran.code == code, (words, ran.out, ran.err)
        assert ran.error["hint"], words


def test_numbers_and_times_that_are_none(made: LabHost) -> None:
    image = made.json("images")[0]["id"]
    for words in (["gc", "--wait", "nan"], ["gc", "--wait", "-1"], ["gc", "--keep-deployments", "0"],
                  ["gc", "--grace", "9" * 30 + "d"], ["pull", "x", "--jobs", "9" * 30], ["show", "0"],
                  ["pin", image, "--until", "1999-01-01"], ["history", "--limit", "0"]):  # fmt: skip
        ran = made.run("--json", *words)
        assert ran.code == 2, (words, ran.out, ran.err)
    assert made.run("show", "9" * 30).code == 1
    assert [pin["until"] for pin in made.json("pins")] in ([], [None])


def test_variables_with_bad_values(made: LabHost) -> None:
    for name, value in (("STORECTL_JSON", "perhaps"), ("STORECTL_COLOR", "mauve"), ("STORECTL_GC_WAIT", "soon")):
        ran = made.run("gc", environment={name: value})
        assert ran.code == 2, name
        assert name == "STORECTL_JSON" or value in ran.err
    off = made.run("why", "nothing", environment={"STORECTL_JSON": "0"})
    assert off.err.startswith("storectl: "), "switched off is not switched on"
    on = made.run("why", "nothing", environment={"STORECTL_JSON": "yes"})
    assert on.error["error"] == "not-found"


@pytest.mark.parametrize("closed", [">&-", "<&- >&- 2>&-"])
def test_a_closed_descriptor_is_not_given_to_the_log(made: LabHost, closed: str) -> None:
    line = f"'{STORECTL[0]}' -m storectl --sysroot {made.sysroot}"
    for words in ("why nothing", "gc"):
        ran = subprocess.run(["bash", "-c", f"{line} {words} {closed}"], capture_output=True, text=True, check=False)
        assert "Traceback" not in ran.stderr
        assert ran.returncode == (1 if "why" in words else 0)


def test_a_full_disk_behind_stdout_is_a_failure(made: LabHost) -> None:
    line = f"'{STORECTL[0]}' -m storectl --sysroot {made.sysroot} status > /dev/full"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert ran.returncode == 1
    assert "No space left" in ran.stderr


def test_a_narrow_terminal_wraps_and_loses_nothing(made: LabHost) -> None:
    line = f"stty cols 30; '{STORECTL[0]}' -m storectl --sysroot {made.sysroot} images"
    seen = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, text=True, check=True,
                          stdin=subprocess.DEVNULL).stdout  # fmt: skip
    image = made.json("images")[0]
    for text in (image["id"][:12], image["names"][0], "SIZE", "present"):
        assert text in seen
    assert "\x1b[1m" in seen, "headings are bold on a terminal"
    plain = subprocess.run(["script", "-qec", line, "/dev/null"], capture_output=True, text=True, check=True,
                           stdin=subprocess.DEVNULL, env={**os.environ, "NO_COLOR": "1"}).stdout  # fmt: skip
    assert "\x1b" not in plain


def test_a_sysroot_with_an_unusual_name(host: LabHost, tmp_path: Path) -> None:
    odd = LabHost(host.registry, tmp_path / "sp ace 'quo\"tes [tä=%s", prefix=host.prefix)
    odd.directory.mkdir()
    odd.init()
    pushed = odd.push("app")
    odd.ok("pull", odd.name("app"), "--lease", "0s", "--no-tls-verify")
    assert odd.image_ids() == {pushed.image_id}
    assert [victim["id"] for victim in odd.json("gc")["images"]] == [pushed.image_id]


def test_a_sysroot_whose_name_the_tools_cannot_take_is_refused_before_anything_is_made(host: LabHost) -> None:
    for name in ("a+b", "a,b", "a:b", "a]b", "a\\b", "a\nb"):
        ran = host.run("--json", "--sysroot", host.directory / name, "init")
        assert ran.code == 2, name
        assert repr(name[1]) in ran.error["message"]
    assert list(host.directory.iterdir()) == []


def test_what_a_failed_init_leaves_is_nothing(host: LabHost) -> None:
    for words in (["--origin", "x" * 300], ["--origin", "http://x"], ["--origin", ""], ["--stateroot", "a/b"],
                  ["--key-passphrase-file", "/nowhere"], ["--consumer", "a\nb"]):  # fmt: skip
        assert host.run("init", *words).code in (2, 7), words
    assert not host.sysroot.exists()
