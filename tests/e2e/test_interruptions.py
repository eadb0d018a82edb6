"""Registries that stall, cut off and lie; and signals in the middle of a pull: nothing half-done, no process left."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import STORECTL, LabHost
from tests.lab.registry import Registry
from tests.lab.unruly_registry import Manner, UnrulyRegistry

STALL_S = 2


@pytest.fixture
def unruly(registry: Registry) -> Iterator[UnrulyRegistry]:
    with UnrulyRegistry(registry) as running:
        yield running


@pytest.fixture
def ready(host: LabHost) -> LabHost:
    host.init()
    (host.sysroot / "ostree/storectl/config.toml").write_text(f"[transfers]\nstall_seconds = {STALL_S}\n")
    host.push("app")
    host.push("db", "1")
    return host


def through(host: LabHost, unruly: UnrulyRegistry) -> str:
    """The image's name, by way of the unruly registry."""
    return host.name("app").replace(host.registry.host, unruly.host)


def programs_at_work(host: LabHost) -> list[str]:
    """Command lines of processes that have the host's sysroot in theirs."""
    found = []
    for place in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = place.read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
        except (FileNotFoundError, ProcessLookupError):
            continue
        if str(host.sysroot) in words:
            found.append(words)
    return found


def require_clean(host: LabHost) -> None:
    assert host.json("status")["open_operations"] == []
    assert host.json("fsck", "--deep") == {"clean": True, "findings": []}
    assert host.json("verify")["verdict"] == "verified"


def test_a_registry_that_stalls_cuts_off_or_lies_leaves_nothing_half_done(
    ready: LabHost, unruly: UnrulyRegistry
) -> None:
    name = through(ready, unruly)
    ready.commit("1", {"app.container": name, "db.image": ready.name("db", "1")})
    manners: list[tuple[Manner, str]] = [
        ("stall", f"got nothing for {STALL_S} s"), ("cut", "unexpected EOF"), ("lie", "igest"),
        ("lie about manifests", "igest"),
    ]  # fmt: skip
    for manner, words in manners:
        unruly.manner = manner
        unruly.misbehaved.clear()
        ran = ready.run("--json", "deploy", "os/stable", "--from", ready.repo, "--no-tls-verify")
        assert unruly.misbehaved.is_set()
        assert ran.code == 1, f"{manner}: {ran.err}"
        assert name.rpartition(":")[0] in ran.error["message"], f"{manner}: {ran.error}"
        assert words in ran.error["message"], f"{manner}: {ran.error}"
        assert ready.ostree_order() == []
        require_clean(ready)
    unruly.manner = ""
    ready.deploy()
    require_clean(ready)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGKILL, -9)])
def test_a_signal_in_the_middle_of_a_pull_ends_everything_and_the_next_command_finishes_it(
    ready: LabHost, unruly: UnrulyRegistry, number: signal.Signals, code: int
) -> None:
    (ready.sysroot / "ostree/storectl/config.toml").unlink()
    unruly.manner = "stall"
    argv = [*STORECTL, "--sysroot", str(ready.sysroot), "pull", through(ready, unruly), "--no-tls-verify"]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as process:
        assert unruly.misbehaved.wait(30)
        os.kill(process.pid, number)
        assert process.wait(10) == code, "it does not wait for its programs"
        assert process.stderr is not None
        said = process.stderr.read()
    if code > 0:
        assert f"interrupted by {number.name}" in said
        assert "Traceback" not in said
    for _ in range(100):
        if not programs_at_work(ready):
            break
        time.sleep(0.05)
    assert programs_at_work(ready) == []
    assert [each["command"] for each in ready.json("status")["open_operations"]] == ["pull"]
    unruly.manner = ""
    assert [each["outcome"] for each in ready.json("resume")] == ["completed"]
    require_clean(ready)
