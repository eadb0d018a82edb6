"""kill -9 at every step boundary of every changing command: the next command leads to where an uncrashed run leads."""

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry

KILLED = -9
Prepare = Callable[[LabHost], list[str]]


def bound(host: LabHost) -> dict[str, str]:
    return {"app.container": host.name("app"), "db.image": host.name("db", "1")}


def deploying(host: LabHost) -> list[str]:
    host.init()
    host.push("app")
    host.push("db", "1")
    host.commit("1", bound(host))
    host.deploy()
    host.push("app", content="2")
    host.commit("2", bound(host))
    return ["deploy", "os/stable", "--from", str(host.repo), "--no-tls-verify"]


def rolling_back(host: LabHost) -> list[str]:
    host.run(*deploying(host))
    return ["rollback"]


def undeploying(host: LabHost) -> list[str]:
    host.run(*deploying(host))
    return ["undeploy", "1"]


def collecting(host: LabHost) -> list[str]:
    host.run(*undeploying(host))
    return ["gc"]


def pulling(host: LabHost) -> list[str]:
    host.init()
    host.push("app")
    return ["pull", host.name("app"), "--no-tls-verify"]


def binding(host: LabHost) -> list[str]:
    host.run(*deploying(host))
    host.push("extra")
    return ["bind", host.name("extra"), "--deployment", "0", "--no-tls-verify"]


def initialising(host: LabHost) -> list[str]:
    return ["init", "--stateroot", "demo"]


def picture(host: LabHost) -> dict[str, Any]:
    """The state as podman, ostree and the log's graph tell it; without times, ids of operations and positions."""
    graph = host.json("graph", "--format", "json")
    return {
        "ostree": host.ostree_order(),
        "podman": sorted((image["Id"], sorted(image["Names"] or ())) for image in host.podman_images()),
        "nodes": sorted((n["kind"], n["id"], n["live"]) for n in graph["nodes"] if n["kind"] != "lease"),
        "edges": sorted((e["from"], e["to"]) for e in graph["edges"] if e["kind"] != "lease"),
        "open": host.json("status")["open_operations"],
        "drift": host.json("status")["drift"],
    }


@pytest.mark.parametrize(
    "prepare",
    [initialising, deploying, rolling_back, undeploying, collecting, pulling, binding],
    ids=lambda f: f.__name__,
)
def test_killed_at_every_step_it_ends_where_an_uncrashed_run_ends(
    prepare: Prepare, registry: Registry, tmp_path: Path
) -> None:
    base = LabHost(registry, tmp_path / "base")
    base.directory.mkdir()
    command = prepare(base)
    whole = copied(base, tmp_path / "whole")
    whole.ok(*command)
    wanted = picture(whole)
    step, crashed = 0, 0
    while True:
        step += 1
        host = copied(base, tmp_path / f"at{step}")
        ran = host.run(*command, environment={"STORECTL_TEST_KILL_AT": str(step)})
        if ran.code != KILLED:
            assert ran.code == 0, ran.err
            break
        crashed += 1
        finish(host, command)
        assert picture(host) == wanted, f"killed at step {step}"
        host.ok("verify")
        host.unmount()
        remove_sysroot(host.sysroot)
    assert crashed >= 3, "there are steps to be killed at"
    for made in (base, whole, host):
        made.unmount()
        remove_sysroot(made.sysroot)


def finish(host: LabHost, command: list[str]) -> None:
    """What somebody does after a crash: resume; and, where nothing had been begun yet, the command again."""
    if command[0] == "init":
        host.ok(*command)
        return
    resumed = host.json("resume")
    assert all(each["outcome"] == "completed" for each in resumed), resumed
    if not any(each["command"] == command[0] for each in resumed):
        done = [event["data"]["command"] for event in host.history("--type", "OperationBegun")]
        # Killed after the last event: done. Killed before the first, or in the fetch before the deploy: not begun.
        if done[-1:] != [command[0]] or (command[0] == "deploy" and done.count("deploy") < 2):
            host.ok(*command)


def copied(base: LabHost, directory: Path) -> LabHost:
    """The same host again, byte by byte, in another place."""
    directory.mkdir()
    if base.sysroot.exists():
        subprocess.run(
            ["cp", "-a", str(base.sysroot), str(directory / "sysroot")], check=True, stdin=subprocess.DEVNULL
        )
    if base.repo.exists():
        shutil.copytree(base.repo, directory / "os-repo")
    made = LabHost(base.registry, directory, base.prefix)
    if base.sysroot.exists():
        # A runroot remembers the place of its store, and goes with a boot: the copy has not been booted yet.
        shutil.rmtree(Path("/run/storectl") / made.json("status")["store"], ignore_errors=True)
    return made


def test_resume_abort_undoes_a_deploy(host: LabHost) -> None:
    command = deploying(host)
    before = host.ostree_order()
    for step in (6, 9):
        ran = host.run(*command, environment={"STORECTL_TEST_KILL_AT": str(step)})
        assert ran.code == KILLED
        ended = host.json("resume", "--abort")
        assert [each["outcome"] for each in ended] == ["aborted"]
        assert host.ostree_order() == before
        assert host.json("resume") == []
    host.ok("gc")
    assert len(host.image_ids()) == 2
