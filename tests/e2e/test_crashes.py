"""kill -9 at the step boundaries of every changing command: the next command leads to where an uncrashed run leads."""

import random
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from adapters.event_log.reader import LogReader
from tests.lab.forked import answer, forked
from tests.lab.host import STORECTL, LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry

KILLED = -9
MOST_STEPS = 200
IDEMPOTENT = frozenset({"init", "adopt", "heal", "fsck"})
"""Run again they do what is left, and nothing else."""


def bound(host: LabHost) -> dict[str, str]:
    return {"app.container": host.name("app"), "db.image": host.name("db", "1")}


def deployed(host: LabHost, content: str) -> None:
    host.push("app", content=content)
    host.commit(content, bound(host))
    answer(host, "deploy", "os/stable", "--from", host.repo, "--no-tls-verify")


@dataclass
class Templates:
    """Hosts that take long to make, made once: each test works on copies."""

    registry: Registry
    directory: Path
    _two: LabHost | None = None

    @property
    def two(self) -> LabHost:
        """Two deployments, which share one image."""
        if self._two is None:
            host = LabHost(self.registry, self.directory / "two")
            host.directory.mkdir()
            answer(host, "init", "--stateroot", "demo")
            host.push("db", "1")
            deployed(host, "1")
            deployed(host, "2")
            self._two = host
        return self._two

    def remove(self) -> None:
        if self._two is not None:
            remove_sysroot(self._two.sysroot)


@pytest.fixture(scope="module")
def templates(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Templates]:
    made = Templates(registry, tmp_path_factory.mktemp("templates"))
    yield made
    made.remove()


def copied(base: LabHost, directory: Path) -> LabHost:
    """The same host again, byte by byte, in another place."""
    directory.mkdir()
    for place in (base.sysroot, base.repo):
        if place.exists():
            argv = ["cp", "-a", "--reflink=auto", str(place), str(directory / place.name)]
            subprocess.run(argv, check=True, stdin=subprocess.DEVNULL)
    made = LabHost(base.registry, directory, base.prefix)
    # The lab's podman keeps its database in the store, and it remembers the place as well.
    shutil.rmtree(made.store / "libpod", ignore_errors=True)
    log = made.sysroot / "ostree/storectl/log.db"
    if log.exists():
        # A runroot remembers the place of its store, and goes with a boot: the copy has not been booted yet.
        with LogReader(log) as reader:
            shutil.rmtree(Path("/run/storectl") / reader.genesis().store, ignore_errors=True)
    return made


# What each command is tried on, and its words

Prepare = Callable[[LabHost], list[str]]


def initialising(host: LabHost) -> list[str]:
    remove_sysroot(host.sysroot)
    return ["init", "--stateroot", "demo"]


def deploying(host: LabHost) -> list[str]:
    host.push("app", content="3")
    host.commit("3", bound(host))
    return ["deploy", "os/stable", "--from", str(host.repo), "--no-tls-verify"]


def rolling_back(host: LabHost) -> list[str]:
    return ["rollback"]


def undeploying(host: LabHost) -> list[str]:
    return ["undeploy", "1"]


def collecting(host: LabHost) -> list[str]:
    answer(host, "undeploy", "1")
    return ["gc"]


def collecting_deployments(host: LabHost) -> list[str]:
    deployed(host, "3")
    return ["gc", "--keep-deployments", "2"]


def collecting_foreign(host: LabHost) -> list[str]:
    host.podman("pull", "--quiet", "--tls-verify=false", host.push("loose").reference)
    return ["gc", "--adopt-foreign"]


def pulling(host: LabHost) -> list[str]:
    return ["pull", host.push("more").reference, "--no-tls-verify"]


def binding(host: LabHost) -> list[str]:
    return ["bind", host.push("extra").reference, "--deployment", "0", "--no-tls-verify"]


def unbinding(host: LabHost) -> list[str]:
    forked(host, *binding(host))
    return ["unbind", host.name("extra"), "--deployment", "0"]


def pinning(host: LabHost) -> list[str]:
    return ["pin", "1", "--reason", "test"]


def unpinning(host: LabHost) -> list[str]:
    forked(host, *pinning(host))
    return ["unpin", "1"]


def adding_a_consumer(host: LabHost) -> list[str]:
    path = host.directory / "consumer"
    path.mkdir()
    host.podman("pull", "--quiet", "--tls-verify=false", host.name("db", "1"), store=path)
    return ["consumer", "add", str(path)]


def removing_a_consumer(host: LabHost) -> list[str]:
    words = adding_a_consumer(host)
    forked(host, *words)
    return ["consumer", "remove", words[-1]]


def healing(host: LabHost) -> list[str]:
    rows: Any = answer(host, "images")
    app = next(row for row in rows if host.name("app") in row["names"])
    host.podman("rmi", "--force", app["id"])
    return ["heal", "--no-tls-verify"]


def repairing(host: LabHost) -> list[str]:
    rows: Any = answer(host, "images")
    layer = next(row for row in rows if host.name("db", "1") in row["names"])["layers"][-1]
    next(path for path in (host.store / f"overlay/{layer}/diff").rglob("*") if path.is_file()).write_text("X")
    return ["fsck", "--deep", "--repair", "--no-tls-verify"]


def adopting(host: LabHost) -> list[str]:
    """Without its log it is a sysroot that somebody else filled; one image is missing."""
    rows: Any = answer(host, "images")
    app = next(row for row in rows if host.name("app") in row["names"])
    shutil.rmtree(host.sysroot / "ostree/storectl")
    host.podman("rmi", "--force", app["id"])
    return ["adopt", "--pull", "--no-tls-verify"]


FEW: list[Prepare] = [
    initialising, rolling_back, undeploying, collecting, unbinding, pinning, unpinning, adding_a_consumer,
    removing_a_consumer,
]  # fmt: skip
MANY: list[Prepare] = [
    deploying, pulling, binding, collecting_deployments, collecting_foreign, healing, repairing, adopting,
]  # fmt: skip


@pytest.mark.parametrize("prepare", FEW, ids=lambda prepare: prepare.__name__)
def test_killed_at_every_step_it_ends_where_an_uncrashed_run_ends(
    prepare: Prepare, templates: Templates, tmp_path: Path
) -> None:
    killed_at(range(1, MOST_STEPS), prepare, templates, tmp_path)


@pytest.mark.parametrize("prepare", MANY, ids=lambda prepare: prepare.__name__)
def test_killed_at_one_step_in_four_it_ends_there_as_well(
    prepare: Prepare, templates: Templates, tmp_path: Path
) -> None:
    """Which of them, differs from command to command; all of them: `make soak`."""
    killed_at(range(1 + MANY.index(prepare) % 4, MOST_STEPS, 4), prepare, templates, tmp_path)


@pytest.mark.soak
@pytest.mark.parametrize("prepare", MANY, ids=lambda prepare: prepare.__name__)
def test_killed_at_every_step_of_the_long_ones(prepare: Prepare, templates: Templates, tmp_path: Path) -> None:
    killed_at(range(1, MOST_STEPS), prepare, templates, tmp_path)


def killed_at(steps: range, prepare: Prepare, templates: Templates, tmp_path: Path) -> None:
    """Whatever the step, the state in the end is that of a run which was not killed."""
    base = copied(templates.two, tmp_path / "base")
    command = prepare(base)
    hosts = [base, copied(base, tmp_path / "whole")]
    assert forked(hosts[1], *command).code == 0
    wanted, sound = picture(hosts[1]), forked(hosts[1], "--json", "fsck", "--deep").json
    assert sound["clean"] or command[0] == "adopt", "only adopting may leave foreign images"
    for step in steps:
        hosts.append(host := copied(base, tmp_path / f"at{step}"))
        ran = forked(host, *command, environment={"STORECTL_TEST_KILL_AT": str(step)})
        if ran.code != KILLED:
            assert ran.code == 0, ran.err
            break
        finish(host, command, wanted, step)
        assert answer(host, "verify")["verdict"] == "verified"  # type: ignore[index]
        assert forked(host, "--json", "fsck", "--deep").json == sound, f"killed at step {step}"
        remove(hosts.pop())
    assert steps.start < step < MOST_STEPS - steps.step, "there are steps to be killed at, and they end"
    for made in hosts:
        remove(made)


def finish(host: LabHost, command: list[str], wanted: dict[str, Any], step: int) -> None:
    """What somebody does after a crash: resume; and, where nothing had been begun yet, the command again."""
    if command[0] in IDEMPOTENT:
        ran = forked(host, *command)
        assert ran.code == 0, f"killed at step {step}: {ran.err}"
    else:
        resumed: Any = answer(host, "resume")
        assert all(each["outcome"] == "completed" for each in resumed), f"killed at step {step}: {resumed}"
        found = picture(host)
        # Of a gc that removes deployments first, only one of several operations was open.
        again = not any(each["command"] == command[0] for each in resumed) or command[0] == "gc"
        if found != wanted and again:
            ran = forked(host, *command)
            assert ran.code == 0, f"killed at step {step}: {ran.err}"
    assert picture(host) == wanted, f"killed at step {step}"


def picture(host: LabHost) -> dict[str, Any]:
    """The state as podman, ostree and the log's graph tell it; without times, ids of operations and positions."""
    graph: Any = answer(host, "graph", "--format", "json")
    status: Any = answer(host, "status")
    place = str(host.directory)
    return {
        "ostree": host.ostree_order(),
        "podman": sorted((image["Id"], sorted(image["Names"] or ())) for image in host.podman_images()),
        "nodes": sorted(
            (n["kind"], n["id"].replace(place, ""), n["live"]) for n in graph["nodes"] if n["kind"] != "lease"
        ),
        "edges": sorted(
            (e["from"].replace(place, ""), e["to"].replace(place, "")) for e in graph["edges"] if e["kind"] != "lease"
        ),
        "open": status["open_operations"],
        "drift": status["drift"],
    }


def remove(host: LabHost) -> None:
    host.unmount()
    remove_sysroot(host.sysroot)


def test_resume_abort_undoes_a_deploy(templates: Templates, tmp_path: Path) -> None:
    host = copied(templates.two, tmp_path / "host")
    command = deploying(host)
    before, images = host.ostree_order(), host.image_ids()
    for step in (6, 9):
        ran = host.run(*command, environment={"STORECTL_TEST_KILL_AT": str(step)})
        assert ran.code == KILLED
        ended = host.json("resume", "--abort")
        assert [each["outcome"] for each in ended] == ["aborted"]
        assert host.ostree_order() == before
        assert host.json("resume") == []
    host.ok("gc")
    assert host.image_ids() == images
    remove(host)


@pytest.mark.parametrize(
    ("prepare", "step", "says"),
    [
        (rolling_back, 3, "is the default again"), (undeploying, 3, "cannot be undone"),
        (collecting, 4, "are gone"), (pulling, 3, "not held by this operation"), (pinning, 3, "not pinned, as before"),
        (healing, 4, "stays"),
    ],
    ids=["rollback", "undeploy", "gc", "pull", "pin", "heal"],
)  # fmt: skip
def test_resume_abort_says_what_could_be_undone(
    prepare: Prepare, step: int, says: str, templates: Templates, tmp_path: Path
) -> None:
    host = copied(templates.two, tmp_path / "host")
    command = prepare(host)
    assert forked(host, *command, environment={"STORECTL_TEST_KILL_AT": str(step)}).code == KILLED
    ended: Any = answer(host, "resume", "--abort")
    assert [each["outcome"] for each in ended] == ["aborted"], ended
    assert says in ended[0]["detail"]
    status: Any = answer(host, "status")
    assert status["open_operations"] == []
    assert [row["id"] for row in status["deployments"]] == host.ostree_order()
    assert forked(host, "gc").code == 0
    assert answer(host, "verify")["verdict"] == "verified"  # type: ignore[index]
    remove(host)


@pytest.mark.soak
def test_killed_at_hundreds_of_random_times(templates: Templates, tmp_path: Path) -> None:
    host, dice = copied(templates.two, tmp_path / "host"), random.Random(4)
    killed = 0
    for number in range(300):
        app = dice.choice(("app", "db"))
        host.push(app, "1" if app == "db" else "latest", content=str(dice.randrange(6)))
        host.commit(str(number), bound(host))
        words = dice.choice([
            ["deploy", "os/stable", "--from", str(host.repo), "--no-tls-verify"], ["rollback"], ["undeploy", "1"],
            ["gc"], ["gc", "--keep-deployments", "2"], ["pull", host.name(app), "--lease", "1m", "--no-tls-verify"],
            ["pin", "0"], ["unpin", "0"], ["heal", "--deep", "--no-tls-verify"], ["fsck", "--deep"],
        ])  # fmt: skip
        argv = [*STORECTL, "--sysroot", str(host.sysroot), *words]
        quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with subprocess.Popen(argv, **quiet) as process:  # type: ignore[call-overload]
            time.sleep(dice.random() * 3)
            process.send_signal(signal.SIGKILL)
        killed += process.returncode == KILLED
        answer(host, "resume")
        status: Any = answer(host, "status")
        assert (status["open_operations"], status["drift"]) == ([], []), words
        assert [row["id"] for row in status["deployments"]] == host.ostree_order(), words
        assert answer(host, "verify")["verdict"] == "verified", words  # type: ignore[index]
        if number % 20 == 0:
            assert answer(host, "fsck", "--deep")["clean"], words  # type: ignore[index]
    assert killed >= 100
    remove(host)
