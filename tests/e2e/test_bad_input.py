"""What goes wrong is said clearly, with the exit code for it, and nothing is changed."""

import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.lab.host import LabHost, Ran
from tests.lab.registry import free_port


@pytest.fixture
def ready(host: LabHost) -> LabHost:
    """A store with one deployment of one image."""
    host.init()
    host.push("app")
    host.commit("1", {"app.container": host.name("app")})
    host.deploy()
    return host


def refused(host: LabHost, code: int, *words: str, says: str, changes: bool = False) -> Ran:
    """The command fails so, says that, has a hint, and leaves deployments, images and open operations as they were."""
    before = (host.ostree_order(), host.image_ids())
    ran = host.run("--json", *words)
    assert ran.code == code, (ran.out, ran.err)
    assert says in ran.error["message"]
    assert ran.error["exit_code"] == code
    assert changes or (host.ostree_order(), host.image_ids()) == before
    return ran


def test_names_that_lead_nowhere(ready: LabHost) -> None:
    refused(ready, 1, "deploy", "os/nope", says="os/nope")
    refused(ready, 2, "deploy", "--", "-rf", says="-rf")
    refused(ready, 1, "deploy", "os/stable", "--stateroot", "nope", says="'nope'")
    refused(ready, 2, "deploy", "os/stable", "--stateroot", "../x", says="../x")
    refused(ready, 2, "pull", "Not A Reference", says="Not A Reference")
    refused(ready, 1, "pull", ready.name("app", "nope"), "--no-tls-verify", says="manifest unknown")
    refused(ready, 1, "pull", f"127.0.0.1:{free_port()}/x:1", "--no-tls-verify", says="connection refused")
    refused(ready, 1, "undeploy", "7", says="7")
    refused(ready, 1, "rollback", "--to", "demo-" + "0" * 64 + ".0", says="0000")
    refused(ready, 4, "rollback", says="only deployment")
    refused(ready, 2, "gc", "--grace", "soon", says="soon")
    refused(ready, 5, "gc", "--plan", "0" * 64, says="does not hold any more")
    refused(ready, 1, "show", "4711", says="4711")
    refused(ready, 2, "history", "--type", "Nope", says="Nope")
    refused(ready, 1, "pull", ready.name("app"), "--authfile", "/nope", "--no-tls-verify", says="/nope")
    refused(ready, 2, "frobnicate", says="frobnicate")


def test_what_every_image_would_meet_is_said_once(host: LabHost) -> None:
    host.init()
    host.commit("1", {"a.image": host.name("a"), "b.image": host.name("b")})
    for option, kind in (("--authfile", "file"), ("--policy", "file"), ("--cert-dir", "directory")):
        ran = host.run("--json", "deploy", "os/stable", "--from", host.repo, option, "/nope")
        assert (ran.code, ran.error["error"]) == (1, "bad-input")
        assert ran.error["message"] == f"{option}: there is no {kind} /nope"


def test_an_ambiguous_prefix_lists_the_candidates(host: LabHost) -> None:
    host.init()
    # Two layers of one content under different parents share their diff-id.
    same = {"usr/share/same": b"same"}
    host.push("one", layers=[{"a": b"a"}, same])
    host.push("two", layers=[{"b": b"b"}, same])
    for name in ("one", "two"):
        host.ok("pull", host.name(name), "--no-tls-verify")
    diff_ids = [layer["diff_id"] for layer in host.json("layers")]
    twice = next(diff_id for diff_id in diff_ids if diff_ids.count(diff_id) == 2)
    ran = host.run("--json", "why", twice)
    assert ran.code == 2
    assert ran.error["error"] == "ambiguous"
    assert ran.error["message"].count("layer ") == 2


def test_a_commit_that_ostree_cannot_deploy(ready: LabHost, tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "usr/lib").mkdir(parents=True)
    (tree / "usr/lib/os-release").write_text("ID=x\n")
    ready.ostree("commit", f"--repo={ready.repo}", "--branch=os/broken", f"--tree=dir={tree}")
    ran = refused(ready, 1, "deploy", "os/broken", "--from", str(ready.repo), says="cannot deploy")
    assert "kernel" in ran.error["hint"]
    assert ready.json("status")["open_operations"] == []


def test_a_bad_quadlet_names_file_and_reason(ready: LabHost) -> None:
    ready.commit("2", {"app.container": "%i/app:1"})
    refused(ready, 1, "deploy", "os/stable", "--from", str(ready.repo), says="bound-images.d/app.container")


def test_a_registry_that_lies_about_a_digest(ready: LabHost) -> None:
    pushed = ready.push("liar")
    hexes = pushed.digest.removeprefix("sha256:")
    blob = ready.registry.data / f"docker/registry/v2/blobs/sha256/{hexes[:2]}/{hexes}/data"
    blob.write_bytes(blob.read_bytes().replace(b"schemaVersion", b"schemaversion"))
    refused(
        ready, 1, "pull", ready.name("liar").replace(":latest", f"@{pushed.digest}"), "--no-tls-verify", says="liar"
    )


def test_a_sysroot_that_is_none(ready: LabHost, tmp_path: Path) -> None:
    for words in (["status"], ["history"], ["gc"], ["verify"]):
        ran = ready.run("--json", "--sysroot", tmp_path / "nowhere", *words)
        assert ran.code == 1
        assert ran.error["error"] == "not-a-store"
    (tmp_path / "home").mkdir()
    (tmp_path / "home/letter.txt").write_text("x")
    ran = ready.run("--json", "--sysroot", tmp_path / "home", "init")
    assert ran.code == 1
    assert "letter.txt" in ran.error["message"]
    assert [entry.name for entry in (tmp_path / "home").iterdir()] == ["letter.txt"]


def test_a_sysroot_that_cannot_be_written(ready: LabHost) -> None:
    subprocess.run(["mount", "--bind", ready.sysroot, ready.sysroot], check=True)
    subprocess.run(["mount", "-o", "remount,ro,bind", ready.sysroot], check=True)
    try:
        assert ready.run("status").code == 0, "reading works"
        ran = ready.run("--json", "gc")
        assert ran.code == 1
        assert "ead-only" in ran.error["message"]
    finally:
        subprocess.run(["umount", ready.sysroot], check=True)


def _unreadable(host: LabHost) -> str:
    (host.sysroot / "ostree/storectl/keys/event.key").chmod(0o644)
    return "event.key"


def _garbage(host: LabHost) -> str:
    (host.sysroot / "ostree/storectl/keys/log.key").write_text("not a key")
    return "log.key"


def _gone(host: LabHost) -> str:
    (host.sysroot / "ostree/storectl/keys/log.key").unlink()
    return "log.key"


def _of_another_store(host: LabHost) -> str:
    keys = host.sysroot / "ostree/storectl/keys"
    first, second = (keys / "log.key").read_bytes(), (keys / "event.key").read_bytes()
    (keys / "log.key").write_bytes(second)
    (keys / "event.key").write_bytes(first)
    return "key"


@pytest.mark.parametrize("spoil", [_unreadable, _garbage, _gone, _of_another_store])
def test_a_key_that_cannot_be_used(ready: LabHost, spoil: Callable[[LabHost], str]) -> None:
    refused(ready, 7, "gc", says=spoil(ready))
    ready.ok("status")


def _newer(log: Path) -> None:
    with sqlite3.connect(log) as connection:
        connection.execute("PRAGMA user_version = 99")


def _truncated(log: Path) -> None:
    log.write_bytes(log.read_bytes()[:-1000])


def _foreign(log: Path) -> None:
    log.write_bytes(b"\0" * 5000)


@pytest.mark.parametrize(("spoil", "code"), [(_newer, 7), (_truncated, 1), (_foreign, 1)])
def test_a_log_that_is_none(ready: LabHost, spoil: Callable[[Path], None], code: int) -> None:
    log = ready.sysroot / "ostree/storectl/log.db"
    with sqlite3.connect(log) as connection:
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    connection.close()
    spoil(log)
    for words in ("status", "gc", "history"):
        refused(ready, code, words, says="log.db")
    refused(ready, 7, "verify", says="log.db")


def test_a_container_store_that_does_not_parse(ready: LabHost) -> None:
    images = ready.store / "overlay-images/images.json"
    before = images.read_text()
    images.write_text(before[: len(before) // 2])
    ran = ready.run("--json", "gc")
    assert ran.code == 1
    assert str(images) in ran.error["message"]
    images.write_text(before)
    ready.ok("gc")
    assert len(ready.image_ids()) == 1


def test_another_storage_driver(ready: LabHost) -> None:
    shutil.move(ready.store / "overlay-images", ready.store / "vfs-images")
    ran = ready.run("--json", "gc")
    assert ran.code == 7
    assert "vfs" in ran.error["message"]
    shutil.move(ready.store / "vfs-images", ready.store / "overlay-images")


@pytest.mark.parametrize(
    ("missing", "package"), [("skopeo", "skopeo"), ("unshare", "util-linux"), ("setpriv", "util-linux")]
)
def test_a_missing_program_names_its_package(ready: LabHost, tmp_path: Path, missing: str, package: str) -> None:
    for program in {"ostree", "unshare", "setpriv", "skopeo"} - {missing}:
        (tmp_path / program).symlink_to(shutil.which(program) or pytest.fail(program))
    words = ("--json", "pull", ready.name("app"), "--no-tls-verify")
    ran = ready.run(*words, environment={"PATH": str(tmp_path)})
    assert ran.code == 1
    assert ran.error["error"] == "program-missing"
    assert package in ran.error["hint"]


def test_two_commands_at_once_one_waits_or_gives_up(ready: LabHost) -> None:
    lock = ready.sysroot / "ostree/storectl/lock"
    holder = subprocess.Popen(["flock", str(lock), "sleep", "3"])
    try:
        for _ in range(100):
            if subprocess.run(["flock", "--nonblock", str(lock), "true"], check=False).returncode:
                break
        refused(ready, 5, "gc", "--wait", "0.2", says="held by")
        ready.ok("gc", "--wait", "30")
    finally:
        holder.kill()
        holder.wait()


def test_many_commands_at_once_lose_nothing(ready: LabHost) -> None:
    names = [f"many{number}" for number in range(4)]
    pushed = {ready.push(name).image_id for name in names}
    argv = [["pull", ready.name(name), "--no-tls-verify"] for name in names] + [["gc"], ["gc"]]
    base = ready.json("status")["head"]
    running = [
        subprocess.Popen([sys.executable, "-m", "storectl", "--sysroot", str(ready.sysroot), *words]) for words in argv
    ]
    assert [process.wait(timeout=60) for process in running] == [0] * len(argv)
    assert pushed <= ready.image_ids()
    assert ready.json("status")["head"] > base
    ready.ok("verify")


TAMPERINGS = {
    "flip": "UPDATE stored_events SET state = substr(state, 1, 80) || x'00' || substr(state, 82) WHERE position = 5",
    "drop": "DELETE FROM stored_events WHERE position = 5",
    "cut the tail": "DELETE FROM stored_events WHERE position = (SELECT max(position) FROM stored_events)",
    "repeat": "INSERT INTO stored_events SELECT position + 1, originator_id, originator_version + 100, topic, state,"
    " leaf_hash FROM stored_events ORDER BY position DESC LIMIT 1",
    "swap": "UPDATE stored_events SET position = CASE position WHEN 5 THEN -6 ELSE -5 END WHERE position IN (5, 6)",
    "column": "UPDATE stored_events SET topic = 'image.pruned' WHERE position = 5",
}


@pytest.mark.parametrize("how", sorted(TAMPERINGS))
def test_tampering_is_found_with_its_position(ready: LabHost, how: str) -> None:
    size = ready.ok("--json", "verify").json["size"]
    with sqlite3.connect(ready.sysroot / "ostree/storectl/log.db") as connection:
        for (trigger,) in connection.execute("SELECT name FROM sqlite_master WHERE type = 'trigger'").fetchall():
            connection.execute(f"DROP TRIGGER {trigger}")
        connection.execute("PRAGMA ignore_check_constraints = ON")
        connection.execute(TAMPERINGS[how])
        if how == "swap":
            connection.execute("UPDATE stored_events SET position = -position WHERE position < 0")
    connection.close()
    ran = ready.run("--json", "verify")
    assert ran.code == 3
    verdict = ran.json
    assert verdict["verdict"] == "tampered"
    wanted = {"cut the tail": size, "repeat": size + 1}.get(how, 5)
    assert verdict["findings"][0]["position"] == wanted


def test_a_log_put_back_from_an_older_copy_is_refused(ready: LabHost, tmp_path: Path) -> None:
    log = ready.sysroot / "ostree/storectl/log.db"
    with sqlite3.connect(log) as connection, sqlite3.connect(tmp_path / "old.db") as copy:
        connection.backup(copy)
    connection.close()
    copy.close()
    ready.push("later")
    ready.ok("pull", ready.name("later"), "--no-tls-verify")
    for name in ("log.db", "log.db-wal", "log.db-shm"):
        (log.parent / name).unlink(missing_ok=True)
    shutil.copy(tmp_path / "old.db", log)
    refused(ready, 3, "gc", says="event")
    assert ready.run("verify").code == 3


def test_verify_with_a_key_from_outside(ready: LabHost, tmp_path: Path) -> None:
    vkey = ready.json("init")["vkey"]
    ready.ok("verify", "--key", vkey)
    ready.ok("checkpoint", "-o", tmp_path / "old")
    ready.ok("pull", ready.name("app"), "--no-tls-verify")
    ready.ok("verify", "--against", tmp_path / "old")
    other = LabHost(ready.registry, tmp_path / "other")
    other.directory.mkdir()
    foreign = other.init()["vkey"]
    assert ready.run("verify", "--key", foreign).code == 7
    assert ready.run("verify", "--key", "nonsense").code == 2
