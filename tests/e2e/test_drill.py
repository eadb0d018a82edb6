"""Recovery rehearsed: what would not come back is named, nothing is left behind, and the outcome is on record."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path

from tests.lab.host import STORECTL, LabHost


def runroots(directory: Path) -> set[str]:
    """Of stores below a directory: other tests have theirs."""
    found = set()
    for path in Path("/run/storectl").glob("*/storage.conf"):
        with contextlib.suppress(OSError):
            found |= {path.parent.name} if str(directory) in path.read_text() else set()
    return found


def mounts(directory: Path) -> list[str]:
    return [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(directory) in line]


def test_a_drill_proves_recovery_and_leaves_nothing(host: LabHost) -> None:
    bound = {"app.container": host.name("app"), "db.image": host.name("db", "1")}
    host.init()
    app = host.push("app")
    host.push("db", "1")
    host.commit("1", bound)
    host.deploy()
    host.ok("pin", "0")
    assert host.json("status")["recovery"] == {"backup": None, "drill": None}
    place = host.directory / "scratch"
    place.mkdir()
    picture = (host.podman_images(), host.ostree_order())

    # From the log and what it names.
    held = host.json("drill", "--scratch", place, "--no-tls-verify")
    assert (held["came_back"], held["deployments"], held["images"]) == (True, 1, 2)
    assert held["bytes"] > 20_000
    assert held["seconds"] > 0
    assert (list(place.iterdir()), runroots(place), mounts(place)) == ([], set(), [])
    assert (host.podman_images(), host.ostree_order()) == picture
    told = host.json("status")["recovery"]["drill"]
    assert (told["differences"], told["source"]) == (0, "")
    assert "everything came back" in host.ok("status").out
    assert [event["type"] for event in host.history("--type", "DrillHeld")] == ["DrillHeld"]

    # From a backup; then with a hole in it that nobody can fill.
    backup = host.directory / "backup"
    host.ok("backup", "--content", backup)
    assert host.json("drill", "--from", backup, "--scratch", place)["came_back"] is True
    layer = next(row for row in host.json("images") if row["id"] == app.image_id)["layers"][-1]
    diff_id = next(row for row in host.json("layers") if row["id"] == layer)["diff_id"]
    (backup / "images/blobs/sha256" / diff_id[7:]).unlink()
    repository = host.registry.data / f"docker/registry/v2/repositories/{host.prefix}/app"
    shutil.move(repository, host.directory / "gone")
    ran = host.run("--json", "drill", "--from", backup, "--scratch", place, "--no-tls-verify")
    assert ran.code == 6
    assert ran.json["came_back"] is False
    assert {each["target"] for each in ran.json["differences"]} == {app.image_id, host.ostree_order()[0]}
    assert diff_id[7:] in ran.error["message"]
    assert host.json("status")["recovery"]["drill"]["differences"] == 2
    assert (list(place.iterdir()), runroots(place), mounts(place)) == ([], set(), [])
    host.ok("verify")


def test_what_a_killed_drill_left_goes_with_the_next(host: LabHost) -> None:
    host.init()
    host.commit("1", {})
    host.deploy()
    place = host.directory / "scratch"
    place.mkdir()
    ran = host.run("drill", "--scratch", place, environment={"STORECTL_TEST_KILL_AT": "9"})
    assert ran.code == -9
    assert list(place.glob("*/sysroot/ostree/deploy/*/deploy/*.0")), "a deployment, immutable, is left"
    # And one that is told to stop takes its place away itself.
    argv = [*STORECTL, "--sysroot", str(host.sysroot), "drill", "--scratch", str(place)]
    with subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL) as stopped:
        deadline = time.monotonic() + 30
        while not list(place.glob(f"storectl-drill-{stopped.pid}-*/sysroot/ostree")) and time.monotonic() < deadline:
            time.sleep(0.01)
        os.kill(stopped.pid, signal.SIGTERM)
    assert stopped.returncode == 143
    assert list(place.iterdir()) == []
    assert host.json("drill", "--scratch", place)["came_back"] is True
    assert (list(place.iterdir()), runroots(place)) == ([], set())
