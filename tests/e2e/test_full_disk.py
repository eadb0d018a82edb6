"""A disk that is full: nothing is lost, the message says where, and what frees space always works."""

import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import LabHost
from tests.lab.registry import Registry
from tests.lab.small_disk import SmallDisk

MIB = 1024 * 1024
LEVELS = [3000, 110_000, 250_000, MIB]
MANY_LEVELS = [*range(0, 400_000, 8_000), *range(400_000, 40 * MIB, 2 * MIB)]
# Next to nothing when it is compressed, 24 MiB in the store: no estimate sees it coming.
ZEROS = {f"usr/zeros/{number}": bytes(8 * MIB) for number in range(3)}


@pytest.fixture
def disk(host: LabHost) -> Iterator[SmallDisk]:
    with SmallDisk(host.sysroot, 80) as disk:
        yield disk


def bound(host: LabHost) -> dict[str, str]:
    return {"app.container": host.name("app"), "db.image": host.name("db", "1")}


def deployed(host: LabHost) -> None:
    host.init()
    host.push("app")
    host.push("db", "1")
    host.commit("1", bound(host))
    host.deploy()


def require_whole(host: LabHost) -> None:
    """Nothing open, nothing lost, and everybody agrees."""
    status = host.json("status")
    assert (status["open_operations"], status["drift"]) == ([], [])
    assert [row["id"] for row in host.json("deployments")] == host.ostree_order()
    assert host.json("verify")["verdict"] == "verified"
    assert host.json("fsck", "--deep")["clean"] is True


def fill_and_deploy(host: LabHost, disk: SmallDisk, version: int, level: int) -> bool:
    """Deploy with so many bytes free; whether it could be done. Afterwards there is room again, and all is whole."""
    host.commit(str(version), bound(host))
    host.ostree(f"--repo={host.sysroot}/ostree/repo", "pull-local", host.repo, "os/stable")
    disk.fill(level)
    ran = host.run("--json", "deploy", "os/stable", "--no-tls-verify")
    if ran.code:
        assert ran.code == 1, f"{level}: {ran.err}"
        assert ran.error["error"] == "disk-full", f"{level}: {ran.error}"
        assert str(host.sysroot) in ran.error["message"], f"{level}: {ran.error}"
    host.ok("status")
    host.ok("gc")
    disk.empty()
    host.ok("resume")
    require_whole(host)
    return ran.code == 0


def test_at_every_fill_level_a_deploy_is_done_or_undone(host: LabHost, disk: SmallDisk) -> None:
    deployed(host)
    done = [fill_and_deploy(host, disk, number + 2, level) for number, level in enumerate(LEVELS)]
    assert (done[0], done[-1]) == (False, True)
    assert len(host.ostree_order()) == 1 + sum(done)


@pytest.mark.soak
def test_at_many_fill_levels_a_deploy_is_done_or_undone(host: LabHost, disk: SmallDisk) -> None:
    deployed(host)
    for number, level in enumerate(MANY_LEVELS):
        host.push("app", content=str(number), layers=[ZEROS])
        fill_and_deploy(host, disk, number + 2, level)
        host.ok("gc", "--keep-deployments", "1")


def test_what_frees_space_works_on_a_disk_without_a_free_byte(host: LabHost, disk: SmallDisk) -> None:
    deployed(host)
    host.push("app", content="2")
    host.commit("2", bound(host))
    host.deploy()
    reserve = host.sysroot / "ostree/storectl/reserve"
    assert reserve.stat().st_blocks * 512 >= MIB, "space is set aside"
    disk.fill(0)
    assert host.run("pin", "0").code == 1, "it is full"
    assert host.json("status")["images"] == 3
    assert host.json("verify")["verdict"] == "verified"
    host.ok("undeploy", "1")
    collected = host.json("gc")
    assert len(collected["images"]) == 1
    assert len(host.image_ids()) == 2
    disk.empty()
    host.ok("pin", "0")
    assert reserve.stat().st_blocks * 512 >= MIB, "it is set aside again"
    require_whole(host)


def test_a_pull_that_cannot_fit_is_refused_before_it_begins(host: LabHost, disk: SmallDisk, registry: Registry) -> None:
    host.init()
    host.push("big", layers=[{"usr/noise": random.Random(1).randbytes(4 * MIB)}])
    disk.fill(20 * MIB)
    before = len(registry.blob_requests())
    ran = host.run("--json", "pull", host.name("big"), "--no-tls-verify")
    assert (ran.code, ran.error["error"]) == (1, "disk-full")
    assert "MiB" in ran.error["message"]
    assert str(host.sysroot) in ran.error["message"]
    assert len(registry.blob_requests()) == before, "not a blob was asked for"
    disk.empty()
    host.ok("pull", host.name("big"), "--no-tls-verify")
    require_whole(host)


def test_a_disk_that_fills_up_while_a_layer_is_unpacked(host: LabHost, disk: SmallDisk) -> None:
    host.init()
    host.push("zeros", layers=[ZEROS])
    disk.fill(22 * MIB)
    ran = host.run("--json", "pull", host.name("zeros"), "--no-tls-verify")
    assert (ran.code, ran.error["error"]) == (1, "disk-full")
    assert [event["type"] for event in host.history("--type", "OperationFailed")] == ["OperationFailed"]
    disk.empty()
    host.ok("pull", host.name("zeros"), "--no-tls-verify")
    require_whole(host)


def test_a_full_run_is_named(host: LabHost) -> None:
    deployed(host)
    runroot = Path("/run/storectl") / host.json("status")["store"]
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=16k,nr_inodes=3", "tmpfs", str(runroot)], check=True)
    try:
        (runroot / "filler").write_bytes(bytes(16 * 1024))
        host.push("more")
        ran = host.run("--json", "pull", host.name("more"), "--no-tls-verify")
        assert (ran.code, ran.error["error"]) == (1, "disk-full")
        assert "/run/storectl" in ran.error["message"]
    finally:
        subprocess.run(["umount", "--lazy", str(runroot)], check=True)
    host.ok("pull", host.name("more"), "--no-tls-verify")
    require_whole(host)
