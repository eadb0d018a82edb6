"""A whole store is lost, and comes back from a backup, or from its bare log and a registry: as it was, or named."""

import json
import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.lab.consumer import Consumer
from tests.lab.host import BASE, LabHost
from tests.lab.images import push_image
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry

KILLED = -9


@dataclass(frozen=True)
class Lost:
    """What is left of a host whose sysroot is gone, and what others saw of it before."""

    host: LabHost
    consumer: Consumer
    backup: Path
    state: Path
    vkey: str
    checkpoint: Path
    seen: dict[str, Any]
    first: dict[str, Any]
    first_position: int
    app1: str

    def again(self, directory: Path) -> LabHost:
        """A new machine with the same registry at hand."""
        directory.mkdir()
        return LabHost(self.host.registry, directory, self.host.prefix)


def seen(host: LabHost) -> dict[str, Any]:
    """What podman and ostree show, word for word."""
    images = host.podman_images()
    return {
        "podman": sorted(
            (image["Id"], sorted(image["Names"] or ()), image["Digest"], sorted(image["RepoDigests"]))
            for image in images
        ),
        "ostree": host.ostree("admin", "status", f"--sysroot={host.sysroot}"),
        "layers": sorted((row["id"], row["diff_id"]) for row in host.json("layers")),
        "deployments": [
            {name: row[name] for name in ("id", "index", "origin", "kargs", "pinned", "bound_images")}
            for row in host.json("deployments")
        ],
    }  # fmt: skip


@pytest.fixture(scope="module")
def lost(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Lost]:
    with Registry(tmp_path_factory.mktemp("registry")) as registry:
        host = LabHost(registry, tmp_path_factory.mktemp("lost"))
        bound = {"app.container": host.name("app"), "db.image": host.name("db", "1")}
        vkey = host.init()["vkey"]
        app1 = host.push("app").image_id
        host.push("db", "1")
        host.commit("1", bound)
        host.deploy()
        first, first_position = seen(host), len(host.history())
        host.push("app", content="2")
        host.commit("2", bound)
        host.deploy()
        # Deployed again, and the first of the two taken away: a serial that does not begin at 0.
        host.ok("deploy", "os/stable", "--no-tls-verify", "--karg", "console=ttyS0", "--karg", "console=tty0")
        host.ok("undeploy", "1")
        host.ok("init", "--stateroot", "second")
        host.ok("deploy", "os/stable", "--stateroot", "second", "--no-tls-verify", "--karg", "quiet")
        host.ok("rollback")
        host.ok("pin", "2")
        leased = host.push("leased")
        host.ok("pull", host.name("leased"), "--lease", "30d", "--no-tls-verify")
        host.ok("pin", leased.image_id[:12], "--reason", "kept")
        layers = [BASE, {"usr/share/app": b"app 1\n"}, {"usr/share/d": b"d\n"}]
        derived = push_image(registry, f"{host.prefix}/derived", "latest", layers)
        consumer = Consumer(host)
        consumer.pull(derived.reference)
        consumer.create(derived.reference, "works")
        host.ok("consumer", "add", consumer.path)
        host.ok("backup", "--content", host.directory / "backup")
        before = seen(host)
        host.ok("checkpoint", "-o", host.directory / "checkpoint")
        state = host.directory / "rescued"
        shutil.copytree(host.sysroot / "ostree/storectl", state)
        left = Lost(
            host, consumer, host.directory / "backup", state, vkey, host.directory / "checkpoint", before, first,
            first_position, app1,
        )  # fmt: skip
        shutil.rmtree(Path("/run/storectl") / host.json("status")["store"], ignore_errors=True)
        remove_sysroot(host.sysroot)
        yield left
        host.unmount()
        remove_sysroot(host.sysroot)


@pytest.fixture
def new(lost: Lost, tmp_path: Path) -> Iterator[LabHost]:
    host = lost.again(tmp_path / "new")
    yield host
    host.unmount()
    remove_sysroot(host.sysroot)


def whole(host: LabHost) -> None:
    """Everything that can be asked whether it is."""
    assert host.ok("verify").out.startswith("verified")
    assert host.json("fsck", "--deep") == {"clean": True, "findings": []}
    assert host.json("status")["drift"] == []
    assert host.json("gc", "--dry-run")["images"] == []


def test_from_the_backup_alone_to_the_same_place(lost: Lost) -> None:
    """The registry and the repository are gone, too; another store's containers sat on this one."""
    host = lost.host
    with pytest.raises(AssertionError):
        lost.consumer.content("works", "usr/share/app")
    host.registry.stop()
    host.repo.rename(host.repo.with_name("gone"))
    planned = host.json("replay", "--from", lost.backup, "--key", lost.vkey, "--dry-run")
    assert planned["lacking"] == []
    assert not host.sysroot.exists()
    answer = host.json("replay", "--from", lost.backup, "--key", lost.vkey)
    assert answer["same"] is True
    assert answer["compared"] > 40
    assert seen(host) == lost.seen
    assert lost.consumer.content("works", "usr/share/app") == b"app 1\n"
    assert lost.consumer.content("works", "usr/share/d") == b"d\n"
    whole(host)
    # The log is a new one, which commits to the old one's end.
    origin = lost.vkey.partition("+")[0]
    assert answer["origin"] == f"{origin}/2"
    replayed = host.history("--type", "StoreReplayed")
    assert [(event["position"], event["data"]["origin"], event["data"]["vkey"]) for event in replayed] == [
        (2, origin, lost.vkey)
    ]
    assert {"StoreReplayed", "ReplayCompared"} <= {event["type"] for event in host.history()}
    # Pins, leases and the consumer hold as before.
    held = {
        hold["kind"]
        for image in host.json("images")
        for hold in [{"kind": by.split(":")[0]} for by in image["used_by"]]
    }
    assert held >= {"deployment", "pin", "lease"}
    assert [each["path"] for each in host.json("consumer", "list")] == [str(lost.consumer.path)]
    # And life goes on.
    host.registry.start()
    host.repo.with_name("gone").rename(host.repo)
    host.push("app", content="3")
    host.commit("3", {"app.container": host.name("app"), "db.image": host.name("db", "1")})
    host.deploy()
    host.ok("rollback")
    whole(host)
    host.ok("undeploy", "1")
    second = host.json("backup", "--content", lost.backup)
    assert second["fresh"] is True, "another log in the same place is another generation"
    host.ok("backup", "--verify", lost.backup)
    assert len(list(lost.backup.glob("generations/000002/past/*/log.db"))) == 1, "the old log is kept, too"
    shutil.rmtree(lost.backup / "generations/000002")


def test_from_the_bare_log_and_a_registry(lost: Lost, new: LabHost, tmp_path: Path) -> None:
    log = tmp_path / "log.db"
    shutil.copy(lost.backup / "generations/000001/log.db", log)
    answer = new.json("replay", "--from", log, "--key", lost.vkey, "--no-tls-verify")
    assert (answer["same"], answer["differences"]) == (True, [])
    assert seen(new) == lost.seen
    whole(new)
    assert not any(path.name.startswith("log.db") for path in tmp_path.iterdir() if path != log), "read, not changed"


@pytest.mark.parametrize("way", [(), ("--full",)], ids=["shortest", "full"])
def test_an_earlier_state(lost: Lost, new: LabHost, way: tuple[str, ...]) -> None:
    answer = new.json(
        "replay", "--from", lost.backup, "--at", str(lost.first_position), "--trust-backup-key", "--no-tls-verify", *way
    )
    assert answer["replayed"]["position"] == lost.first_position
    assert seen(new) == lost.first


def test_from_an_auditors_bundle_of_all_events(lost: Lost, new: LabHost, tmp_path: Path) -> None:
    """And under a root key that certifies the new log's keys."""
    log = LabHost(lost.host.registry, tmp_path, lost.host.prefix)
    shutil.copytree(lost.state, log.sysroot / "ostree/storectl")
    log.ok("audit", "export", "-o", tmp_path / "all.bundle")
    log.ok("audit", "export", "-o", tmp_path / "some.bundle", "--since", "5")
    log.ok("keys", "make-root", "-o", tmp_path / "root.key")
    arguments = ["--key", lost.vkey, "--no-tls-verify", "--root-key", str(tmp_path / "root.key")]
    assert new.run("replay", "--from", tmp_path / "some.bundle", *arguments).code == 1
    whole_file = (tmp_path / "all.bundle").read_bytes()
    (tmp_path / "cut.bundle").write_bytes(whole_file[:-512])
    assert new.run("replay", "--from", tmp_path / "cut.bundle", *arguments).code == 1
    assert not new.sysroot.exists()
    answer = new.json("replay", "--from", tmp_path / "all.bundle", *arguments)
    assert answer["same"] is True
    assert seen(new) == lost.seen
    assert new.json("init")["root_vkey"]
    whole(new)


def test_every_operation_again(lost: Lost, new: LabHost) -> None:
    answer = new.json("replay", "--from", lost.backup, "--key", lost.vkey, "--full", "--no-tls-verify")
    assert answer["same"] is True
    assert seen(new) == lost.seen


def test_what_is_missing_everywhere_is_named_and_all_else_is_back(lost: Lost, new: LabHost, tmp_path: Path) -> None:
    place = tmp_path / "backup"
    shutil.copytree(lost.backup, place)
    record = json.loads((place / "generations/000001/backup.json").read_bytes())
    image = next(image for image in record["images"] if image["id"] == lost.app1)
    blob = image["pieces"][-1]["digest"]
    (place / "images/blobs/sha256" / blob[7:]).unlink()
    arguments = [
        "replay",
        "--from",
        str(place),
        "--key",
        lost.vkey,
        "--from-registry",
        "127.0.0.1:1",
        "--no-tls-verify",
    ]
    moved = lost.host.registry.data / f"docker/registry/v2/repositories/{lost.host.prefix}/app"
    moved.rename(tmp_path / "app")
    try:
        planned = new.run("--json", *arguments, "--dry-run")
        assert planned.code == 6
        assert blob in planned.error["message"]
        ran = new.run("--json", *arguments)
    finally:
        (tmp_path / "app").rename(moved)
    assert ran.code == 6
    assert blob[7:] in json.dumps(ran.json["differences"])
    assert {each["target"] for each in ran.json["differences"]} == {
        lost.app1, *(row["id"] for row in lost.seen["deployments"] if lost.app1 in str(row["bound_images"])),
    }  # fmt: skip
    assert {image[0].removeprefix("sha256:") for image in seen(new)["podman"]} == {
        image[0].removeprefix("sha256:") for image in lost.seen["podman"]
    } - {lost.app1}
    there = [row["id"] for row in new.json("deployments")]
    assert there == [row["id"] for row in lost.seen["deployments"] if lost.app1 not in str(row["bound_images"])], (
        "sealed, or not deployed"
    )
    # The same again, with the registry at hand, fetches what was lacking.
    answer = new.json("replay", "--from", place, "--key", lost.vkey, "--no-tls-verify")
    assert answer["same"] is True
    assert seen(new) == lost.seen
    whole(new)


def test_deployments_come_up_without_their_images_only_if_that_is_said(
    lost: Lost, new: LabHost, tmp_path: Path
) -> None:
    place = tmp_path / "backup"
    shutil.copytree(lost.backup, place)
    for name in ("index.json", "oci-layout"):
        (place / "images" / name).unlink()
    arguments = ["replay", "--from", str(place), "--key", lost.vkey, "--from-registry", "127.0.0.1:1", "--tls-verify"]
    ran = new.run("--json", *arguments, "--incomplete")
    assert ran.code == 6
    assert new.podman_images() == []
    assert seen(new)["ostree"] == lost.seen["ostree"]
    assert new.run("rollback").code == 4


def test_the_log_goes_on_as_itself_where_nothing_was_lost(lost: Lost, new: LabHost) -> None:
    # As a crash leaves it that comes after the log is in its place, and before anything is recorded.
    shutil.copytree(lost.state, new.sysroot / "ostree/storectl")
    keys = ["--keys", str(lost.state / "keys")]
    ran = new.run("--json", "replay", "--from", lost.state, "--key", lost.vkey, *keys, "--no-tls-verify")
    assert ran.code == 0, ran.err
    assert ran.json["vkey"] == lost.vkey
    assert seen(new) == lost.seen
    whole(new)
    history = new.history()
    assert [event["position"] for event in history] == list(range(1, len(history) + 1))
    assert new.ok("verify", "--key", lost.vkey, "--against", lost.checkpoint).code == 0


def test_the_log_does_not_go_on_where_nobody_can_tell_that_it_is_the_last(
    lost: Lost, new: LabHost, tmp_path: Path
) -> None:
    arguments = ["replay", "--from", str(lost.backup), "--key", lost.vkey, "--no-tls-verify"]
    arguments += ["--keys", str(lost.state / "keys")]
    ran = new.run("--json", *arguments)
    assert ran.code == 0, ran.err
    assert ran.json["origin"].endswith("/2")
    assert "cannot be told" in ran.err
    # The checkpoint that was kept elsewhere is of one event more: the backup's own was recorded after it was written.
    other = lost.again(tmp_path / "other")
    assert other.run(*arguments, "--against", lost.checkpoint).code == 3
    remove_sysroot(other.sysroot)


def test_what_is_refused(lost: Lost, new: LabHost, tmp_path: Path) -> None:
    backup, key = ["replay", "--from", str(lost.backup)], ["--key", lost.vkey]
    assert new.run(*backup).code == 7, "a key that comes out of the evidence proves nothing"
    other = lost.again(tmp_path / "other")
    foreign = other.init()["vkey"]
    keys = other.sysroot / "ostree/storectl/keys"
    third = lost.again(tmp_path / "third")
    assert third.run("replay", "--from", str(lost.state), "--key", lost.vkey, "--keys", str(keys)).code == 7
    assert list((third.sysroot / "ostree/storectl/keys").iterdir()) == [], "another store's keys are not taken along"
    assert new.run(*backup, "--key", foreign).code == 7
    assert new.run(*backup, "--key", "nonsense").code == 2
    assert other.run(*backup, *key).code == 4, "it has a store of its own"
    assert new.run(*backup, *key, "--at", "4711").code == 1
    assert new.run("replay", "--from", str(tmp_path / "nothing"), *key).code == 1
    damaged = tmp_path / "damaged"
    shutil.copytree(lost.backup, damaged)
    log = damaged / "generations/000001/log.db"
    data = bytearray(log.read_bytes())
    data[len(data) // 2] ^= 1
    log.write_bytes(data)
    assert new.run("replay", "--from", str(damaged), *key).code == 3
    assert new.run("replay", "--from", str(log), *key).code == 7
    new.sysroot.mkdir()
    (new.sysroot / "somebody").write_text("else")
    assert new.run(*backup, *key).code == 4
    assert [path.name for path in new.sysroot.iterdir()] == ["somebody"]
    remove_sysroot(other.sysroot)


@pytest.mark.parametrize("goes_on", [False, True], ids=["new-log", "same-log"])
def test_killed_at_every_step_the_same_command_ends_it(lost: Lost, tmp_path: Path, goes_on: bool) -> None:
    source, more = (lost.state, ["--keys", str(lost.state / "keys")]) if goes_on else (lost.backup, [])
    command = ["replay", "--from", str(source), "--key", lost.vkey, "--no-tls-verify", *more]
    host = lost.again(tmp_path / "new")
    steps, finished = 0, 0
    # Each try goes on from where the last was killed, some steps later than before.
    for step in range(1, 200, 6 if goes_on else 3):
        ran = host.run(*command, environment={"STORECTL_TEST_KILL_AT": str(step)})
        if ran.code != KILLED:
            assert ran.code == 0, ran.err
            break
        steps += 1
        if step in (7, 19):
            # Resumed by another command, from the recorded intent; and begun again in an empty place.
            resumed = host.json("resume", "--no-tls-verify")
            finished += sum(each["outcome"] == "completed" for each in resumed)
            assert seen(host) == lost.seen
            host.unmount()
            remove_sysroot(host.sysroot)
            shutil.rmtree(host.sysroot, ignore_errors=True)
    assert steps >= 3
    assert finished >= 1
    assert seen(host) == lost.seen
    whole(host)
    host.unmount()
    remove_sysroot(host.sysroot)
