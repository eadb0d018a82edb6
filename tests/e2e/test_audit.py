"""The auditor's side with the installed command: bundles, proofs, tiles, checked by openssl and independent readers."""

import base64
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pymerkle
import pytest

from domain.bundle.guide import TEXT
from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry
from tests.lab.witness import LabWitness

BLOCKS = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)


@pytest.fixture(scope="module")
def audited(registry: Registry, tmp_path_factory: pytest.TempPathFactory) -> Iterator[LabHost]:
    """One host for all of them, with some history: what they do to it only makes the history longer."""
    made = LabHost(registry, tmp_path_factory.mktemp("audited"))
    made.init()
    shutil.copytree(made.store, made.directory / "consumer", symlinks=True)
    made.ok("consumer", "add", made.directory / "consumer")
    yield made
    made.unmount()
    remove_sysroot(made.sysroot)


@pytest.fixture(scope="module")
def vkey(audited: LabHost) -> str:
    return audited.ok("keys", "show").out.strip()


def test_a_bundle_is_exported_and_checked_without_the_store(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    bundle = tmp_path / "out" / "bundle"
    bundle.parent.mkdir()
    told = audited.json("audit", "export", "-o", bundle, "--since", "3", "--until", "5")
    assert (told["proves"], told["first"], told["last"], told["events"]) == ("completeness", 3, 5, 3)
    last = audited.history()[-1]
    assert last["type"] == "AuditExported"
    assert last["data"]["sha256"] == told["sha256"] == hashlib.sha256(bundle.read_bytes()).hexdigest()
    moved = tmp_path / "elsewhere"
    bundle.parent.rename(moved)
    state, away = audited.sysroot / "ostree/storectl", audited.directory / "away"
    state.rename(away)
    ours = audited.run("--json", "audit", "verify", moved / "bundle", "--key", vkey)
    assert (ours.code, ours.json["verdict"], ours.json["range"]["count"]) == (0, "verified", 3)
    theirs = standalone(moved, "bundle", "--key", vkey, "--json")
    assert theirs.returncode == 0, theirs.stderr
    assert json.loads(theirs.stdout) == ours.json
    assert audited.run("audit", "verify", moved / "bundle").code == 7
    assert standalone(moved, "bundle").returncode == 7
    broken = bytearray((moved / "bundle").read_bytes())
    broken[len(broken) // 2] ^= 1
    (moved / "broken").write_bytes(broken)
    assert audited.run("audit", "verify", moved / "broken", "--key", vkey).code == 3
    assert standalone(moved, "broken", "--key", vkey).returncode == 3
    assert audited.run("audit", "verify", moved / "nowhere", "--key", vkey).code == 1
    assert standalone(moved, "nowhere", "--key", vkey).returncode == 1
    assert audited.run("audit", "verify", moved / "bundle", "--key", "nonsense").code == 2
    assert standalone(moved, "bundle", "--key", "nonsense").returncode == 2
    away.rename(state)


def standalone(directory: Path, *words: str) -> subprocess.CompletedProcess[str]:
    """The verifier that lies beside the bundle, with nothing of storectl to be found."""
    return subprocess.run(
        [sys.executable, "-P", "verify_bundle.py", *words], cwd=directory, capture_output=True, text=True,
        stdin=subprocess.DEVNULL, check=False, env={"PATH": os.environ["PATH"]},
    )  # fmt: skip


def test_the_guide_in_a_bundle_is_followed_word_for_word(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    audited.ok("audit", "export", "-o", tmp_path / "bundle", "--since", "2")
    script = "set -eu\n" + "\n".join(BLOCKS.findall(TEXT))
    assert script.count("openssl") > 5

    def follow(key: str) -> subprocess.CompletedProcess[str]:
        shutil.rmtree(tmp_path / "unpacked", ignore_errors=True)
        return subprocess.run(
            ["sh", "-c", script], cwd=tmp_path, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
            env={"PATH": os.environ["PATH"], "BUNDLE": str(tmp_path / "bundle"), "VKEY": key},
        )  # fmt: skip

    done = follow(vkey)
    lines = done.stdout.splitlines()
    assert done.returncode == 0, done.stderr
    assert lines.count("Signature Verified Successfully") == 2, done.stdout
    assert lines[1] == lines[2]
    assert len(base64.b64decode(lines[1])) == 32
    stranger = "storectl.local/x+00000000+" + base64.b64encode(b"\1" + bytes(31) + b"\1").decode()
    assert "Verified Successfully" not in follow(stranger).stdout.split("\n")[0]


def test_openssl_and_a_reader_of_the_specification_take_proofs(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    event = tmp_path / "event"
    told = audited.json("audit", "proof", "4", "-o", event, "--openssl")
    assert sorted(Path(name).name for name in told["files"]) == [
        "event", "event.pae", "event.pem", "event.sig", "event.spicy", "event.tlog-proof",
    ]  # fmt: skip
    argv = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin", "-inkey", f"{event}.pem", "-sigfile", f"{event}.sig",
            "-in", f"{event}.pae"]  # fmt: skip
    assert subprocess.run(argv, capture_output=True, check=False).returncode == 0
    checked_by_specification(event, vkey)
    assert audited.run("audit", "proof", "4000").code == 1
    assert audited.run("audit", "proof", "4", "--openssl").code == 2
    size = audited.json("status")["head"]
    proof = audited.json("audit", "consistency", "2", str(size))
    assert (proof["size1"], proof["size2"]) == (2, size)
    assert audited.run("audit", "consistency", str(size), "2").code == 1


def checked_by_specification(event: Path, vkey: str) -> None:
    """C2SP tlog-proof, read by its text alone."""
    proof = Path(f"{event}.tlog-proof").read_text()
    assert Path(f"{event}.spicy").read_text() == proof.removeprefix("c2sp.org/tlog-proof@v1\n")
    head, note = proof.split("\n\n", 1)
    first, index, *hashes = head.split("\n")
    assert first == "c2sp.org/tlog-proof@v1"
    origin, size, root = note.split("\n")[:3]
    assert origin == vkey.split("+")[0]
    node, at, last = (
        hashlib.sha256(b"\0" + event.read_bytes()).digest(),
        int(index.removeprefix("index ")),
        int(size) - 1,
    )
    for sibling in map(base64.b64decode, hashes):
        if at % 2 or at == last:
            node = hashlib.sha256(b"\1" + sibling + node).digest()
            while not at % 2 and at:
                at, last = at // 2, last // 2
        else:
            node = hashlib.sha256(b"\1" + node + sibling).digest()
        at, last = at // 2, last // 2
    assert node == base64.b64decode(root)


def test_tiles_are_read_by_a_client_written_from_the_specification(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    out = tmp_path / "tiles"
    first = audited.json("audit", "export", "--format", "tiles", "-o", out)
    read_tiles(out)
    audited.ok("consumer", "remove", audited.directory / "consumer")
    second = audited.json("audit", "export", "--format", "tiles", "-o", out)
    assert second["size"] > first["size"]
    assert read_tiles(out) == second["size"]
    assert audited.run("audit", "export", "--format", "tiles", "-o", out, "--since", "2").code == 2
    (out / "checkpoint").write_text("other.example/log\n1\n" + "A" * 43 + "=\n\n— x AAAAAAAA\n")
    assert audited.run("audit", "export", "--format", "tiles", "-o", out).code == 4


def read_tiles(out: Path) -> int:
    """The tree size, after every entry is hashed into its tile and the tiles into the checkpoint's root."""
    _, size, root = (out / "checkpoint").read_text().split("\n")[:3]
    tree = pymerkle.InmemoryTree(algorithm="sha256")
    hashes = []
    for name, width in tile_names(int(size)):
        bundle = (out / "tile/entries" / name).read_bytes()
        tile = (out / "tile/0" / name).read_bytes()
        found = list(split(bundle))
        assert len(found) == width
        assert [hashlib.sha256(b"\0" + entry).digest() for entry in found] == [
            tile[at : at + 32] for at in range(0, len(tile), 32)
        ]
        for entry in found:
            tree.append_entry(entry)
        hashes += found
    assert tree.get_root() == base64.b64decode(root)
    return len(hashes)


def tile_names(size: int) -> Iterator[tuple[str, int]]:
    for number in range(-(-size // 256)):
        width = min(256, size - number * 256)
        yield f"{number:03d}" + ("" if width == 256 else f".p/{width}"), width


def split(bundle: bytes) -> Iterator[bytes]:
    while bundle:
        length = int.from_bytes(bundle[:2], "big")
        yield bundle[2 : 2 + length]
        bundle = bundle[2 + length :]


def test_views_say_what_was_asked_for(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    lines = audited.ok("audit", "export", "--format", "jsonl", "-o", "-", "--type", "ConsumerAdded").out.splitlines()
    assert [json.loads(line)["type"] for line in lines] == ["ConsumerAdded"]
    whole = audited.json("audit", "export", "-o", tmp_path / "b", "--type", "ConsumerAdded")
    assert (whole["proves"], whole["events"]) == ("inclusion", 1)
    head = audited.json("status")["head"]
    told = audited.json("audit", "export", "--format", "html", "-o", tmp_path / "page", "--no-record")
    assert told["events"] == head == audited.json("status")["head"]
    assert "consumer" in (tmp_path / "page").read_text()
    for code, words in (
        (2, ("--format", "csv", "-o", tmp_path / "x", "--type", "Nonsense")),
        (2, ("--format", "csv", "-o", tmp_path / "x", "--since", "99999")),
        (2, ("--format", "csv", "-o", tmp_path / "x", "--since", "3", "--until", "1")),
        (2, ("-o", "-")),
        (2, ("--format", "tiles", "-o", "-")),
        (1, ("--format", "csv", "-o", tmp_path)),
        (1, ("-o", tmp_path / "no/such/directory/x")),
    ):
        assert audited.run("audit", "export", *words).code == code, words


def test_the_verifier_comes_out_of_the_installed_program(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    audited.ok("audit", "verifier", "-o", tmp_path / "verify_bundle.py")
    assert (tmp_path / "verify_bundle.py").read_text() == audited.ok("audit", "verifier").out
    assert standalone(tmp_path, "--help").returncode == 0


def test_a_witness_stands_for_the_bundle_that_comes_after(audited: LabHost, vkey: str, tmp_path: Path) -> None:
    with LabWitness("w.example/1", {vkey.split("+")[0]: [vkey]}) as witness:
        policy = tmp_path / "policy"
        policy.write_text(f"log {vkey}\nwitness w {witness.vkey} {witness.url}\nquorum w\n")
        audited.ok("audit", "export", "-o", tmp_path / "before", "--no-record")
        assert audited.run("audit", "verify", tmp_path / "before", "--policy", policy).code == 7
        audited.ok("checkpoint", "--policy", policy, "--publish", witness.url)
    audited.ok("audit", "export", "-o", tmp_path / "bundle", "--until", "4")
    ours = audited.run("--json", "audit", "verify", tmp_path / "bundle", "--policy", policy)
    theirs = standalone(tmp_path, "bundle", "--policy", "policy", "--json")
    assert (ours.code, theirs.returncode) == (0, 0), (ours.err, theirs.stdout)
    assert json.loads(theirs.stdout) == ours.json
    policy.write_text(f"log {vkey}\nwitness w nonsense\nquorum w\n")
    assert audited.run("audit", "verify", tmp_path / "bundle", "--policy", policy).code == 2
    assert standalone(tmp_path, "bundle", "--policy", "policy").returncode == 2
