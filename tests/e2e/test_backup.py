"""Backups: whole or not there, small the second time, consistent while others work, and every changed byte is found."""

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from adapters.backup.directory import BackupDirectory
from adapters.files.layout import Layout
from adapters.process import Runner
from cli.backup_checks import backup_problems
from domain.backups import Lacking
from tests.lab.host import STORECTL, LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry


def bound(host: LabHost) -> dict[str, str]:
    return {"app.container": host.name("app"), "db.image": host.name("db", "1")}


def live(host: LabHost) -> None:
    """init; two versions deployed."""
    host.init()
    host.push("app")
    host.push("db", "1")
    host.commit("1", bound(host))
    host.deploy()
    host.push("app", content="2")
    host.commit("2", bound(host))
    host.deploy()


@pytest.fixture(scope="module")
def backed_up(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[LabHost, Path]]:
    """A host that has lived, and its first backup. Tests change copies of the backup only."""
    host = LabHost(registry, tmp_path_factory.mktemp("backed-up"))
    live(host)
    place = host.directory / "backup"
    host.ok("backup", "--content", place)
    yield host, place
    host.unmount()
    remove_sysroot(host.sysroot)


def files(place: Path) -> list[Path]:
    """Every file of a backup that says something."""
    return sorted(
        path
        for path in place.rglob("*")
        if path.is_file() and path.stat().st_size and "/commits/state/" not in str(path) and path.name != "lock"
    )


def test_what_lies_in_a_backup_is_what_others_read(backed_up: tuple[LabHost, Path]) -> None:
    host, place = backed_up
    generation = place / "generations/000001"
    record = json.loads((generation / "backup.json").read_bytes())
    subprocess.run(["sha256sum", "--check", "--quiet", "backup.json.sha256"], cwd=generation, check=True)
    subprocess.run(
        ["sha256sum", "--check", "--quiet", str(generation / "commits.sha256")], cwd=place / "commits", check=True
    )
    assert {image["id"] for image in record["images"]} == host.image_ids()
    assert {f"demo-{commit}.0" for commit in record["commits"]} == set(host.ostree_order())
    for image in record["images"]:
        done = subprocess.run(
            ["skopeo", "copy", f"oci:{place}/images:{image['id']}", f"dir:{host.directory}/out"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        assert done.returncode == 0
        manifest = json.loads((host.directory / "out/manifest.json").read_bytes())
        assert manifest["config"]["digest"] == f"sha256:{image['id']}"
    host.ostree("fsck", f"--repo={place}/commits", "--quiet")
    private = [path.read_bytes() for path in (host.sysroot / "ostree/storectl/keys").glob("*.key")]
    assert len(private) == 2
    assert not any(key in path.read_bytes() for path in files(place) for key in private)
    assert host.ok("--json", "backup", "--verify", place).json["whole"] is True
    assert [event["data"]["generation"] for event in host.history("--type", "BackupWritten")] == [1]
    assert host.json("status")["recovery"]["backup"]["generation"] == 1


def test_a_second_backup_of_an_unchanged_store_writes_nothing_and_a_change_writes_little(
    registry: Registry, tmp_path: Path
) -> None:
    host = LabHost(registry, tmp_path)
    live(host)
    place = tmp_path / "backup"
    first = host.json("backup", "--content", place)
    before = {path: path.stat().st_mtime_ns for path in files(place)}
    second = host.json("backup", "--content", place)
    assert (second["fresh"], second["bytes"], second["generation"]) == (False, 0, 1)
    assert {path: path.stat().st_mtime_ns for path in files(place)} == before
    assert len(host.history("--type", "BackupWritten")) == 1
    extra = host.push("extra", content="x")
    host.ok("pull", host.name("extra"), "--lease", "1h", "--no-tls-verify")
    third = host.json("backup", "--content", place)
    assert (third["fresh"], third["generation"]) == (True, 2)
    assert extra.image_id in third["images"]
    new = {path for path in files(place) if path not in before and "generations" not in path.parts}
    layers = {path for path in new if path.stat().st_size >= 10240}
    assert len(layers) == 1, "the shared base layer is not written again"
    assert third["bytes"] < first["bytes"]
    host.ok("backup", "--verify", place)
    # Without content beside it: a generation of the log alone, in the same place.
    host.ok("pin", extra.image_id[:12])
    assert host.json("backup", place)["content"] is False
    host.ok("backup", "--verify", place)
    host.unmount()
    remove_sysroot(host.sysroot)


def test_any_changed_byte_and_any_cut_is_named(backed_up: tuple[LabHost, Path], tmp_path: Path) -> None:
    host, place = backed_up
    random = Random(7)
    copy = tmp_path / "copy"
    shutil.copytree(place, copy, symlinks=True)
    tried = 0
    checker = Checker(host, copy)
    for path in files(copy):
        whole = path.read_bytes()
        for at in {0, len(whole) - 1, random.randrange(len(whole))}:
            damaged = bytearray(whole)
            damaged[at] ^= 1 << random.randrange(8)
            path.write_bytes(damaged)
            assert checker.names(path), f"{path.relative_to(copy)}, byte {at}"
            tried += 1
        for length in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:length])
            assert checker.names(path), f"{path.relative_to(copy)}, cut to {length}"
            tried += 1
        path.unlink()
        assert checker.names(path), f"{path.relative_to(copy)} removed"
        path.write_bytes(whole)
    assert checker.whole()
    assert tried > 200
    # And once through the command itself.
    blob = next(path for path in files(copy) if path.stat().st_size == 20480)
    blob.write_bytes(blob.read_bytes()[:-1] + b"x")
    ran = host.run("--json", "backup", "--verify", copy)
    assert ran.code == 3
    assert blob.name in ran.error["message"]
    # The next run mends what is shared.
    host.ok("backup", "--content", copy)
    assert host.ok("--json", "backup", "--verify", copy).json["whole"] is True


class Checker:
    """`backup --verify` in this process: hundreds of tries."""

    def __init__(self, host: LabHost, place: Path) -> None:
        self._host, self._place = host, place

    def problems(self) -> list[Lacking]:
        return backup_problems(BackupDirectory(self._place, Layout(self._host.sysroot), Runner()), 1)

    def whole(self) -> bool:
        return not self.problems()

    def names(self, path: Path) -> bool:
        """Whether what is said names the file, or the blob or object that it is."""
        said = " ".join(each.detail for each in self.problems())
        return path.name in said or path.parent.name + path.stem in said


def test_a_backup_while_deploys_run_is_consistent(host: LabHost) -> None:
    live(host)
    script = "import subprocess,sys\nfor words in %r: subprocess.run(words, check=True, stdin=subprocess.DEVNULL)"
    work: list[list[str]] = []
    for version in ("3", "4"):
        host.push("app", content=version)
        host.commit(version, bound(host), branch=f"os/{version}")
        base = [*STORECTL, "--sysroot", str(host.sysroot)]
        work += [
            [*base, "deploy", f"os/{version}", "--from", str(host.repo), "--no-tls-verify"],
            [*base, "undeploy", "1"],
            [*base, "gc"],
        ]
    with subprocess.Popen(
        [sys.executable, "-c", script % work], stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE, text=True,
    ) as busy:  # fmt: skip
        made: list[Any] = []
        while busy.poll() is None or len(made) < 2:
            made.append(host.json("backup", "--content", "--wait", "60", host.directory / "backup"))
        assert busy.returncode == 0, busy.stderr.read() if busy.stderr else ""
    assert all(not each["lacking"] for each in made)
    assert host.ok("--json", "backup", "--verify", host.directory / "backup").json["whole"] is True
    assert len(made) >= 2


def test_killed_at_any_time_a_run_is_not_there_and_the_next_is_whole(host: LabHost) -> None:
    live(host)
    place = host.directory / "backup"
    argv = [*STORECTL, "--sysroot", str(host.sysroot), "backup", "--content", str(place)]
    killed = 0
    for tenths in range(2, 14, 4):
        with subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
        ) as running:
            try:
                running.wait(tenths / 10)
            except subprocess.TimeoutExpired:
                os.killpg(running.pid, signal.SIGKILL)
                killed += 1
        numbers = sorted(path.name for path in place.glob("generations/0*"))
        if numbers:
            assert host.ok("--json", "backup", "--verify", place).json["whole"] is True
    assert killed
    host.ok("backup", "--content", place)
    assert host.ok("--json", "backup", "--verify", place).json["whole"] is True
    assert not (place / "generations/.new").exists()


def test_what_vanished_is_healed_from_a_backup_as_it_was(host: LabHost) -> None:
    """The registry is asked for nothing: digests, layers and link names are those of before."""
    live(host)
    host.ok("backup", "--content", host.directory / "backup")
    before = host.json("images")
    for image in before:
        host.podman("rmi", "--force", image["id"])
    assert host.run("fsck").code == 6
    blobs = len(host.registry.blob_requests())
    healed = host.json("heal", "--from", host.directory / "backup")
    assert {each["source"].split(":")[0] for each in healed} == {"oci"}
    assert len(host.registry.blob_requests()) == blobs
    after = {image["id"]: (image["digest"], image["layers"], image["state"]) for image in host.json("images")}
    assert after == {image["id"]: (image["digest"], image["layers"], image["state"]) for image in before}
    assert host.json("fsck", "--deep")["clean"] is True
    # One damaged layer is replaced from there as well.
    layer = before[0]["layers"][-1]
    file = next(path for path in (host.store / f"overlay/{layer}/diff").rglob("*") if path.is_file())
    content = file.read_bytes()
    file.write_bytes(b"X" * len(content))
    host.json("heal", "--deep", "--from", host.directory / "backup")
    assert file.read_bytes() == content


def test_where_it_does_not_belong_and_what_cannot_be_read(host: LabHost) -> None:
    live(host)
    other = host.directory / "other"
    other.mkdir()
    (other / "file").write_text("something else")
    assert host.run("backup", other).code == 4
    assert host.run("backup", "--verify", other).code == 1
    assert host.run("backup", host.directory / "not-mounted/backup").code == 1
    assert not (host.directory / "not-mounted").exists()
    assert host.run("backup", "").code == 2
    assert host.run("drill", "--from-registry", "no host").code == 2
    layer = host.json("images")[0]["layers"][-1]
    file = next(path for path in (host.store / f"overlay/{layer}/diff").rglob("*") if path.is_file())
    file.write_bytes(b"X" * file.stat().st_size)
    ran = host.run("--json", "backup", "--content", host.directory / "backup")
    assert ran.code == 6
    assert layer[:12] in ran.error["message"]
    assert len(ran.json["images"]) == 2, "the others are in it"
    host.ok("backup", "--verify", host.directory / "backup")
