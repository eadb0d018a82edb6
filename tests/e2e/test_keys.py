"""Keys through the installed command: rotated, killed at every step, lost, revoked, encrypted."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from adapters.event_log.reader import LogReader
from cli.key_rows import key_rows
from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry

KILLED = -9


@pytest.fixture
def host(tmp_path: Path) -> Iterator[LabHost]:
    """A host that reaches no registry."""
    made = LabHost(Registry(tmp_path), tmp_path)
    yield made
    made.unmount()
    remove_sysroot(made.sysroot)


def keys(host: LabHost) -> dict[str, list[Any]]:
    """What `keys list` shows, without a process of its own."""
    with LogReader(host.sysroot / "ostree/storectl/log.db") as reader:
        rows = key_rows(reader.key_schedule())
    return {role: [row for row in rows if row["role"] == role] for role in ("log", "event", "root")}


def files(host: LabHost) -> list[str]:
    directory = host.sysroot / "ostree/storectl/keys"
    assert all(path.stat().st_mode & 0o777 == 0o600 for path in directory.iterdir())
    return sorted(path.name for path in directory.iterdir())


def with_root(host: LabHost) -> Path:
    root = host.directory / "root.key"
    host.ok("keys", "make-root", "-o", root)
    assert host.run("keys", "make-root", "-o", root).code == 4
    assert root.stat().st_mode & 0o777 == 0o600
    host.ok("init", "--stateroot", "demo", "--root-key", root)
    return root


def test_rotated_keys_lead_on_from_every_key_that_there_was(host: LabHost) -> None:
    root = with_root(host)
    host.ok("checkpoint", "-o", host.directory / "before")
    for roles in (("--role", "event"), ()):
        assert len(host.json("keys", "rotate", *roles)) == 2
    there = keys(host)
    states = {role: [row["state"] for row in rows] for role, rows in there.items()}
    assert states == {"log": ["rotated", "in use"], "event": ["rotated"] * 2 + ["in use"], "root": ["offline"]}
    assert [*there["log"], *there["event"], *there["root"]] == host.json("keys", "list")
    assert files(host) == ["event.key", "log.key"]
    for row in (*there["log"], *there["root"]):
        assert (
            host.json("verify", "--key", row["vkey"], "--against", host.directory / "before")["verdict"] == "verified"
        )
    old = there["event"][0]
    assert host.ok("keys", "show", old["key"]).out.strip() == old["vkey"]
    assert "BEGIN PUBLIC KEY" in host.ok("keys", "show", "--role", "root", "--format", "pem").out
    # Without the root: it can only be used with its file.
    assert host.run("keys", "enrol").code == 2
    assert host.run("keys", "revoke", old["key"], "--reason", "r", "--root-key", root.with_name("no")).code == 7
    other = host.directory / "other.key"
    host.ok("keys", "make-root", "-o", other)
    assert host.run("keys", "revoke", old["key"], "--reason", "r", "--root-key", other).code == 4


def test_killed_at_every_step_of_a_rotation_the_keys_are_whole_afterwards(host: LabHost) -> None:
    host.ok("init", "--stateroot", "demo")
    state, kept = host.sysroot / "ostree/storectl", host.directory / "kept"
    shutil.copytree(state, kept)
    before = {role: rows[0]["key"] for role, rows in keys(host).items() if rows}
    step, killed = 0, True
    while killed:
        step += 1
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        killed = host.run("keys", "rotate", environment={"STORECTL_TEST_KILL_AT": str(step)}).code == KILLED
        host.ok("resume")
        now = {role: rows[-1]["key"] for role, rows in keys(host).items() if rows}
        assert (now["log"] != before["log"], now["event"] != before["event"]) == (step > 1, step > 1)
        assert set(files(host)) - {"event.key.next", "log.key.next"} == {"event.key", "log.key"}
        assert (len(files(host)) == 2) == (step > 1)
        assert host.json("verify")["verdict"] == "verified"
    assert step == 8, "staged, begun, and for each key: recorded, in its place; completed"
    assert host.run("keys", "rotate", environment={"STORECTL_TEST_KILL_AT": "1"}).code == KILLED
    assert host.run("keys", "rotate", "--role", "log", environment={"STORECTL_TEST_KILL_AT": "2"}).code == KILLED
    assert host.json("resume", "--abort")[0]["outcome"] == "aborted"
    assert files(host) == ["event.key", "log.key"]
    assert host.json("verify")["verdict"] == "verified"


def test_lost_keys_are_replaced_by_the_root_whatever_the_moment_of_a_crash(host: LabHost) -> None:
    root = with_root(host)
    trusted = keys(host)["log"][0]["vkey"]
    state, kept = host.sysroot / "ostree/storectl", host.directory / "kept"
    for path in (state / "keys").iterdir():
        path.unlink()
    shutil.copytree(state, kept)
    assert host.json("verify", "--key", trusted)["verdict"] == "verified"
    assert host.run("keys", "rotate").code == 7
    step, killed = 0, True
    while killed:
        step += 1
        shutil.rmtree(state)
        shutil.copytree(kept, state)
        environment = {"STORECTL_TEST_KILL_AT": str(step)}
        killed = host.run("keys", "enrol", "--root-key", str(root), environment=environment).code == KILLED
        host.ok("keys", "enrol", "--root-key", root)
        assert files(host) == ["event.key", "log.key"]
        assert host.json("verify", "--key", trusted)["verdict"] == "verified"
    assert step == 5, "staged, recorded, and each key in its place"


def test_a_revoked_keys_later_events_are_named_and_never_verified(host: LabHost) -> None:
    root = with_root(host)
    with LogReader(host.sysroot / "ostree/storectl/log.db") as reader:
        good = reader.size
    stolen = keys(host)["event"][0]
    host.ok("keys", "rotate", "--role", "event")
    done = host.json(
        "keys", "revoke", stolen["key"], "--last-good", str(good - 1), "--reason", "disk lost", "--root-key", root
    )
    assert (done["state"], done["last_good"], len(done["new_keys"])) == ("revoked", good - 1, 1)
    ran = host.run("--json", "verify", "--key", keys(host)["root"][0]["vkey"])
    assert (ran.code, ran.json["verdict"]) == (7, "unchecked")
    assert [finding["position"] for finding in ran.json["findings"]] == [good, good + 3]
    assert done["unattributable"] == [
        {"first": good, "last": good + 2, "key": stolen["key"]},
        {"first": good + 3, "last": good + 3, "key": keys(host)["event"][1]["key"]},
    ]
    # The log key: whoever trusts it is told; the root's word goes on.
    log = keys(host)["log"][0]
    host.ok("checkpoint", "-o", host.directory / "late")
    host.ok("keys", "revoke", log["key"], "--last-good", "1", "--reason", "disk lost", "--root-key", root)
    told = host.run("--json", "verify", "--key", log["vkey"])
    assert (told.code, told.json["verdict"]) == (7, "unchecked")
    assert any("revoked" in finding["problem"] for finding in told.json["findings"])
    late = host.run("--json", "verify", "--against", str(host.directory / "late"))
    assert any("cannot be used" in finding["problem"] for finding in late.json["findings"])


def test_encrypted_keys_are_rotated_and_replaced_with_what_opens_them(host: LabHost) -> None:
    for name, secret in (("pass", "correct horse"), ("root-pass", "battery staple"), ("wrong", "no")):
        (host.directory / name).write_text(secret + "\n")
    root, options = host.directory / "root.key", ("--root-passphrase-file", host.directory / "root-pass")
    host.ok("keys", "make-root", "-o", root, "--passphrase-file", host.directory / "root-pass")
    assert host.run("init", "--root-key", root).code == 7
    host.ok(
        "init", "--stateroot", "demo", "--root-key", root, *options, "--key-passphrase-file", host.directory / "pass"
    )
    host.ok("keys", "rotate")
    directory = host.sysroot / "ostree/storectl/keys"
    assert all("ENCRYPTED" in (directory / name).read_text() for name in files(host))
    # A passphrase that does not open a key is no loss of the key.
    (host.sysroot / "ostree/storectl/config.toml").unlink()
    assert host.run("keys", "enrol", "--root-key", root, *options).code == 7
    credentials = {"CREDENTIALS_DIRECTORY": str(host.directory / "credentials")}
    (host.directory / "credentials").mkdir()
    shutil.copy(host.directory / "wrong", host.directory / "credentials/storectl.passphrase")
    assert host.run("keys", "rotate", environment=credentials).code == 7
    shutil.copy(host.directory / "pass", host.directory / "credentials/storectl.passphrase")
    for words in (("keys", "rotate"), ("keys", "enrol", "--role", "log", "--root-key", root, *options), ("verify",)):
        assert host.run(*words, environment=credentials).code == 0
    assert all("ENCRYPTED" in (directory / name).read_text() for name in files(host))
