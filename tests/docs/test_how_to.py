"""The tutorial and the how-to pages on everyday work, carried out as they stand."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

from tests.docs.runbook import HOW_TO, Runbook
from tests.lab.consumer import Consumer
from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot, write_tree
from tests.lab.registry import free_port

TUTORIAL = HOW_TO.parent / "tutorial.md"


def quay(host: LabHost) -> dict[str, str]:
    """The lab's registry in place of the pages' one."""
    return {"quay.io/o/": f"{host.registry.host}/{host.prefix}/"}


def deployed(host: LabHost, *versions: str) -> None:
    """A store with these versions deployed, each with an application of its own under one tag."""
    host.init()
    for version in versions:
        host.push("app", "1", content=version)
        host.commit(version, {"app.container": host.name("app", "1")})
        host.deploy()


def test_tutorial(host: LabHost) -> None:
    scratch = Path(tempfile.mkdtemp(prefix="storectl-", dir="/tmp"))  # short: podman takes 50 characters of a runroot
    replace = {
        "/tmp/storectl-tutorial": str(scratch), "5099": str(free_port()),
        "REGISTRY=$!": "REGISTRY=$!; trap 'kill $REGISTRY 2>/dev/null' EXIT",
        "sleep 1; jobs": "sleep 2; jobs",
    }  # fmt: skip
    try:
        said = Runbook(TUTORIAL, host, replace).run()
    finally:
        remove_sysroot(scratch / "sysroot")
        left = scratch.exists()
        shutil.rmtree(scratch, ignore_errors=True)
    words = {each.command.text.strip(): each.out for each in said}
    assert "Running" in words["sleep 1; jobs"]
    assert "app.container" in words["storectl bound-images $T/os"]
    assert words["storectl gc"].count("1 image and 1 layer are gone") == 1
    assert words["storectl verify"].startswith("verified")
    assert not left, "the page cleans up behind itself"


def test_deploy_and_roll_back(host: LabHost, tmp_path: Path) -> None:
    host.init()
    tree = tmp_path / "rootfs"
    write_tree(tree, "1", {"app.container": host.name("app", "1")}, {})
    pushed = host.push("app", "1")
    host.push("debug", "1")
    host.commit("1", {"app.container": host.name("app", "1")})
    replace = quay(host) | {
        "/path/to/rootfs": str(tree), "https://os.example.com/repo": host.repo.as_uri(),
        "/mnt/usb/os-repo": str(host.repo), "sha256:<digest>": pushed.digest,
    }  # fmt: skip
    said = Runbook.of("deploy-and-roll-back", host, replace).run()
    assert "app.container" in said[0].out
    assert len(host.ostree_order()) == 2, "three were deployed, one given up"
    assert host.image_ids() == {pushed.image_id}, "what was bound by hand is gone"


def test_collect_garbage(host: LabHost) -> None:
    deployed(host, "1", "2", "3", "4")
    later = host.push("app", "2")
    said = {each.command.text.strip(): each.out for each in Runbook.of("collect-garbage", host, quay(host)).run()}
    assert "would be removed" in said["storectl gc --keep-deployments 3 --dry-run"]
    assert "was removed" in said["storectl gc --keep-deployments 3"]
    assert later.image_id in host.image_ids(), "leased"
    assert len(host.image_ids()) == 4


def test_protect_other_stores(host: LabHost) -> None:
    deployed(host, "1", "2")
    consumer, old = Consumer(host), Consumer(host, "old")
    consumer.create(host.name("app", "1"), "works")
    old.podman("images")
    host.ok("consumer", "add", old.path)
    places = {"/var/lib/containers/storage": str(consumer.path), "/srv/old-storage": str(old.path)}
    page = Runbook.of("protect-other-stores", host, quay(host) | places)
    said = {each.command.text.strip(): each.out for each in page.run()}
    assert "(works)" in said["storectl why quay.io/o/app:1"]
    assert "works" in said["storectl impact quay.io/o/app:1"]
    assert "last known good" in said["storectl pins"]
    assert [row["path"] for row in host.json("consumer", "list")] == [str(consumer.path)]


def test_keep_a_checkpoint_elsewhere(host: LabHost, tmp_path: Path) -> None:
    host.init()
    usb, auditor, copies = (tmp_path / name for name in ("usb", "auditor", "copies"))
    for place in (usb, auditor / "checkpoints"):
        place.mkdir(parents=True)
    replace = {
        "/mnt/usb": str(usb), "/srv/copies": str(copies), "scp host-1:": "cp ",
        "ssh auditor@logs.example.com 'cat > checkpoints/host-1'": f"(cd {auditor} && cat > checkpoints/host-1)",
        "$(cat vkey)": f"$(cat {usb}/vkey)", "--against checkpoint": f"--against {auditor}/checkpoints/host-1",
    }  # fmt: skip
    said = Runbook.of("keep-a-checkpoint-elsewhere", host, replace).run()
    verdicts = [each.out.split(":")[0] for each in said if " verify " in each.command.text]
    assert verdicts == ["verified"] * 3


@pytest.mark.parametrize("ends", ["finished", "undone"])
def test_after_a_crash(host: LabHost, ends: str) -> None:
    deployed(host, "1")
    host.push("app", "1", content="2")
    host.commit("2", {"app.container": host.name("app", "1")})
    words = ("deploy", "os/stable", "--from", host.repo, "--no-tls-verify")
    assert host.run(*words, environment={"STORECTL_TEST_KILL_AT": "8"}).code == -9
    (operation,) = host.json("status")["open_operations"]
    auth = host.directory / "auth.json"
    auth.write_text("{}")
    page = Runbook.of("after-a-crash", host, {"a7905f0f": operation["id"][:8], "/etc/ostree/new-auth.json": str(auth)})
    said = page.run("See what is open", "Finish it" if ends == "finished" else "Undo it instead")
    assert "deploy" in said[0].out
    assert "deploy begun" in said[1].out
    assert len(host.ostree_order()) == (2 if ends == "finished" else 1)
    assert host.json("status")["open_operations"] == []


def test_gpg_verified_commits(host: LabHost, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    deployed(host, "1")
    home = tmp_path / "gnupg"
    home.mkdir(mode=0o700)
    monkeypatch.setenv("GNUPGHOME", str(home))
    gpg = ["gpg", "--batch", "--quiet", "--passphrase", ""]
    subprocess.run([*gpg, "--quick-generate-key", "vendor@example.com", "rsa2048", "sign"], check=True,
                   capture_output=True)  # fmt: skip
    exported = subprocess.run([*gpg, "--export", "vendor@example.com"], check=True, capture_output=True).stdout
    (host.directory / "vendor.gpg").write_bytes(exported)
    host.commit("2", {"app.container": host.name("app", "1")}, branch="os/unsigned")
    host.ostree("gpg-sign", f"--repo={host.repo}", f"--gpg-homedir={home}", "os/stable", "vendor@example.com")
    try:
        said = Runbook.of("gpg-verified-commits", host, {"https://os.example.com/repo": host.repo.as_uri()}).run()
    finally:
        subprocess.run(["gpgconf", "--homedir", str(home), "--kill", "all"], check=False, env=os.environ)
        shutil.rmtree(home, ignore_errors=True)
    assert "no signatures found" in said[-1].out
    assert len(host.ostree_order()) == 2
    assert host.history("--type", "OperationFailed")
