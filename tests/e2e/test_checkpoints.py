"""Checkpoints through the installed command: published everywhere, cosigned, asked for by a policy."""

import base64
import hashlib
import json
import shutil
import socket
import subprocess
from pathlib import Path
from typing import Any

import pytest

from adapters.event_log.reader import LogReader
from domain.ledger.checkpoint import parse_note
from tests.lab.host import LabHost
from tests.lab.witness import LabWitness


def size(host: LabHost) -> int:
    with LogReader(host.sysroot / "ostree/storectl/log.db") as reader:
        return reader.size


def grow(host: LabHost) -> int:
    host.ok("keys", "rotate", "--role", "event")
    return size(host)


def test_published_to_a_file_it_is_a_history_that_the_log_has_to_continue(host: LabHost) -> None:
    vkey = host.init()["vkey"]
    kept = host.directory / "state"
    shutil.copytree(host.sysroot / "ostree/storectl", kept)
    place = host.directory / "elsewhere"
    first = host.json("checkpoint", "--publish", place)
    assert first["published"] == [
        {"destination": str(place), "size": first["size"], "new": True, "cosigned_by": [], "error": None}
    ]
    assert host.json("checkpoint", "--publish", place)["published"][0]["new"] is False
    second = grow(host)
    host.ok("checkpoint", "--publish", place)
    assert place.read_text().split("\n")[1] == str(second)
    assert (host.directory / "elsewhere.history").read_text().count("\nold ") == 1
    assert host.json("verify", "--key", vkey, "--against", place)["verdict"] == "verified"
    event = host.history("--type", "CheckpointPublished")[-1]["data"]
    assert (event["size"], event["destination"], event["off_host"]) == (second, str(place), False)
    assert host.json("status")["anchored"]["size"] == 0, "the same file system is not elsewhere"
    # Put back to an older state, and on from there by another way.
    shutil.rmtree(host.sysroot / "ostree/storectl")
    shutil.copytree(kept, host.sysroot / "ostree/storectl")
    ran = host.run("--json", "checkpoint", "--publish", place)
    assert (ran.code, ran.error["error"]) == (3, "tampered")
    for _ in range(3):
        grow(host)
    assert host.run("checkpoint", "--publish", place).code == 3
    place.with_name("elsewhere.history").write_text("something else\n")
    assert host.run("checkpoint", "--publish", place).code == 1


def test_published_to_a_registry_the_journal_and_a_witness_and_verified_by_a_policy(host: LabHost) -> None:
    made = host.init()
    journal = host.directory / "journal"
    target = f"docker://{host.registry.host}/{host.prefix}/checkpoints:host-1"
    with (
        socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening,
        LabWitness("witness.example/w1", {made["origin"]: [made["vkey"]]}) as one,
        LabWitness("witness.example/w2", {made["origin"]: [made["vkey"]]}) as two,
        LabWitness("witness.example/w2", {}) as third,
    ):
        listening.bind(str(journal))
        policy = host.directory / "policy"
        policy.write_text(
            f"# who is trusted\nlog {made['vkey']}\nwitness w1 {one.vkey} {one.url}\nwitness w2 {two.vkey}\n"
            "group both all w1 w2\nquorum both\n"
        )
        assert host.run("verify", "--policy", str(policy)).code == 7, "nobody has cosigned yet"
        places = (f"journald:{journal}", target, one.url, f"{two.url}/")
        words = [word for place in places for word in ("--publish", place)]
        found = host.json("checkpoint", *words, "--policy", policy, "--no-tls-verify")
        assert [row["error"] for row in found["published"]] == [None] * 4
        assert [row["cosigned_by"] for row in found["published"][2:]] == [
            ["witness.example/w1"],
            ["witness.example/w2"],
        ]
        entry = listening.recv(65536)
        bundle = host.directory / "bundle"
        host.ok("audit", "export", "--until", "3", "-o", bundle)
        assert host.json("audit", "verify", bundle, "--policy", policy)["verdict"] == "verified"
        other = host.directory / "other-policy"
        other.write_text(policy.read_text().replace(two.vkey, third.vkey))
        assert host.run("audit", "verify", str(bundle), "--policy", str(other)).code == 7
        told = host.json("verify", "--policy", policy)
        assert told["verdict"] == "verified"
        assert any("cosignatures wanted yet" in text for text in told["not_checked"])
        # 409: the witness says what it saw last, and gets the proof from there.
        grow(host)
        policy.write_text(policy.read_text().replace("both all", "both any"))
        host.ok("checkpoint", "--publish", one.url, "--policy", policy)
        assert one.statuses == [200, 409, 200]
        cosigned = host.ok("checkpoint", "--cosigned").out
        assert [line.name for line in parse_note(cosigned).signatures] == [made["origin"], "witness.example/w1"]
        anchored = host.json("status")["anchored"]
        assert (anchored["destination"], anchored["size"] + anchored["events"]) == (one.url, size(host))
        # One that has seen more, or another history, shows that this log lost events.
        one.seen[made["origin"]] = (10_000, bytes(32))
        grow(host)
        assert host.run("checkpoint", "--publish", one.url).code == 3
        one.seen[made["origin"]] = (3, bytes(32))
        assert host.run("checkpoint", "--publish", one.url).code == 3
        one.logs.clear()
        ran = host.run("--json", "checkpoint", "--publish", one.url)
        assert (ran.code, "does not know this log" in ran.error["message"]) == (1, True)
    assert host.run("checkpoint", "--publish", one.url).code == 1, "nobody listens"
    assert b"STORECTL_CHECKPOINT\n" in entry
    at = entry.index(b"STORECTL_CHECKPOINT\n") + len(b"STORECTL_CHECKPOINT\n")
    length = int.from_bytes(entry[at : at + 8], "little")
    note = entry[at + 8 : at + 8 + length].decode()
    (host.directory / "from-journal").write_text(note)
    (host.directory / "from-registry").write_text(fetched(host, target))
    for name in ("from-journal", "from-registry"):
        verdict = host.json("verify", "--key", made["vkey"], "--against", host.directory / name)
        assert verdict["verdict"] == "verified"


def fetched(host: LabHost, target: str) -> str:
    """The checkpoint out of the registry, by skopeo and the artifact's own words."""
    place = host.directory / "fetched"
    argv = ["skopeo", "--insecure-policy", "copy", "--src-tls-verify=false", target, f"dir:{place}"]
    subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    manifest: dict[str, Any] = json.loads((place / "manifest.json").read_text())
    assert manifest["artifactType"] == "application/vnd.storectl.checkpoint.v1"
    digest: str = next(
        layer["digest"].removeprefix("sha256:")
        for layer in manifest["layers"]
        if layer["mediaType"] == "application/vnd.storectl.checkpoint.v1"
    )
    data = (place / digest).read_bytes()
    assert hashlib.sha256(data).hexdigest() == digest
    return data.decode()


def test_a_witness_cosigns_what_extends_what_it_saw_and_nothing_else(host: LabHost) -> None:
    vkey = host.init()["vkey"]
    key, state, place = host.directory / "witness.key", host.directory / "state", host.directory / "cp"
    host.ok("keys", "make-root", "-o", key)
    words = ("--key-file", key, "--state", state, "--name", "witness.example/me")
    host.ok("checkpoint", "-o", place)
    first = host.json("checkpoint", "cosign", place, *words, "--key", vkey)
    assert first["log_signature_checked"] is True
    assert host.ok("checkpoint", "cosign", place, *words).out.startswith("— witness.example/me ")
    policy = host.directory / "policy"
    policy.write_text(f"log {vkey}\nwitness me {first['vkey']}\nquorum me\n")
    (host.directory / "cosigned").write_text(first["note"])
    assert host.json("verify", "--policy", policy, "--against", host.directory / "cosigned")["verdict"] == "verified"
    # A newer one needs the proof.
    old = size(host)
    grow(host)
    host.ok("checkpoint", "-o", host.directory / "newer")
    assert host.run("checkpoint", "cosign", host.directory / "newer", *words).code == 7
    consistency = host.json("audit", "consistency", str(old), str(size(host)))
    proof = host.directory / "proof"
    lines = "".join(f"{base64.b64encode(bytes.fromhex(node)).decode()}\n" for node in consistency["hashes"])
    proof.write_text(f"old {old}\n{lines}")
    done = host.json("checkpoint", "cosign", host.directory / "newer", *words, "--proof", proof)
    assert done["size"] == size(host)
    # Back again, and a note of somebody else.
    assert host.run("checkpoint", "cosign", place, *words).code == 3
    forged = host.directory / "forged"
    forged.write_text((host.directory / "newer").read_text().replace("— ", "— x"))
    assert host.run("checkpoint", "cosign", forged, *words).code == 3


@pytest.mark.parametrize("place", ["", "https://u:p@h/", "oci:x"])
def test_what_is_no_place_is_a_usage_error(host: LabHost, place: str) -> None:
    (host.sysroot / "ostree/storectl").mkdir(parents=True)
    (host.sysroot / "ostree/storectl/log.db").touch()
    assert host.run("checkpoint", "--publish", place).code == 2


def test_incremental_verification_reads_only_what_is_newer(host: LabHost) -> None:
    vkey = host.init()["vkey"]
    state = host.directory / "state"
    assert host.json("verify", "--key", vkey, "--state", state)["signatures_checked"] == size(host)
    grow(host)
    assert host.json("verify", "--key", vkey, "--state", state)["signatures_checked"] == 3
    again = host.json("verify", "--key", vkey, "--state", state, "--fast")
    assert (again["signatures_checked"], len(again["not_checked"]) >= 2) == (0, True)
    state.write_text("{}")
    assert host.run("verify", "--state", str(state)).code == 7
    assert Path(state).read_text() == "{}"
