"""What vanished or is damaged comes back by digest, and whatever sat on it works again."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.consumer import Consumer
from tests.lab.host import BASE, LabHost
from tests.lab.images import push_image


@pytest.fixture
def ready(host: LabHost) -> LabHost:
    host.init()
    host.push("app")
    host.push("db", "1")
    host.commit("1", {"app.container": host.name("app"), "db.image": host.name("db", "1")})
    host.deploy()
    return host


def layer_file(host: LabHost, image: str) -> Path:
    layer = next(row for row in host.json("images") if row["id"] == image)["layers"][-1]
    diff = host.store / f"overlay/{layer}/diff"
    return next(path for path in diff.rglob("*") if path.is_file())


def test_a_whole_store_is_clean(ready: LabHost) -> None:
    assert ready.json("fsck", "--deep") == {"clean": True, "findings": []}
    assert ready.json("fsck", "--deployment", "0") == {"clean": True, "findings": []}


def test_a_lost_image_breaks_a_consumers_container_and_heal_mends_it(ready: LabHost) -> None:
    own_of_app = {"usr/share/app": b"app 1\n"}
    derived = push_image(
        ready.registry, f"{ready.prefix}/derived", "latest", [BASE, own_of_app, {"usr/share/d": b"d\n"}]
    )
    consumer = Consumer(ready)
    consumer.pull(derived.reference)
    consumer.create(derived.reference, "works")
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    app = next(row["id"] for row in ready.json("images") if ready.name("app") in row["names"])
    ready.podman("rmi", "--force", app)
    ready.podman("rmi", "--force", *ready.image_ids())
    with pytest.raises(AssertionError):
        consumer.content("works", "usr/share/app")
    found = ready.run("--json", "fsck")
    assert found.code == 6
    assert {each["kind"] for each in found.json["findings"]} == {"missing"}
    # Pulling again does not help: the layers come back under other names than the ones that the consumer knows.
    ready.podman("pull", "--quiet", "--tls-verify=false", ready.name("app"))
    with pytest.raises(AssertionError):
        consumer.content("works", "usr/share/app")
    healed = ready.json("heal", "--no-tls-verify")
    assert all(each["source"] for each in healed)
    ready.json("heal", app, "--no-tls-verify")
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    assert consumer.content("works", "usr/share/d") == b"d\n"
    consumer.podman("images")
    assert ready.json("fsck", "--deep")["clean"] is True
    assert ready.json("status")["drift"] == []
    ready.ok("verify")


def test_a_damaged_layer_is_found_deep_and_replaced_and_the_damage_is_kept(ready: LabHost) -> None:
    app = next(row["id"] for row in ready.json("images") if ready.name("app") in row["names"])
    file = layer_file(ready, app)
    file.write_bytes(b"app X\n")
    assert ready.json("fsck")["clean"] is True, "only reading it back shows it"
    deep = ready.run("--json", "fsck", "--deep")
    assert deep.code == 6
    assert [each["kind"] for each in deep.json["findings"]] == ["damaged"]
    assert ready.run("fsck", "--deployment", "0").code == 6
    repaired = ready.run("--json", "fsck", "--deep", "--repair", "--no-tls-verify")
    assert repaired.code == 0, repaired.err
    assert layer_file(ready, app).read_bytes() == b"app 1\n"
    kept = list((ready.store.parent / "quarantine").rglob("app"))
    assert [path.read_bytes() for path in kept if path.is_file()] == [b"app X\n"]
    assert ready.podman("image", "mount", app)
    assert [event["type"] for event in ready.history("--type", "ImageHealed")] == ["ImageHealed"]


def test_a_wrong_manifest_a_cut_link_and_open_modes_are_found(ready: LabHost) -> None:
    app = next(row["id"] for row in ready.json("images") if ready.name("app") in row["names"])
    manifest = ready.store / "overlay-images" / app / "manifest"
    whole = manifest.read_bytes()
    manifest.write_bytes(whole.replace(b"schemaVersion", b"schemaversion"))
    link = next((ready.store / "overlay/l").iterdir())
    target = link.readlink()
    link.unlink()
    keys = ready.sysroot / "ostree/storectl/keys"
    keys.chmod(0o755)
    findings = ready.run("--json", "fsck").json["findings"]
    assert {each["target"] for each in findings} >= {app, str(keys)}
    assert any("link name" in each["detail"] for each in findings)
    manifest.write_bytes(whole)
    keys.chmod(0o700)
    ready.ok("heal", "--no-tls-verify")
    assert link.readlink() == target
    assert ready.json("fsck")["clean"] is True


def test_what_nobody_has_is_named_with_every_place_and_another_place_helps(ready: LabHost, tmp_path: Path) -> None:
    app = next(row for row in ready.json("images") if ready.name("app") in row["names"])
    other = ready.directory / "other"
    other.mkdir()
    ready.podman("pull", "--quiet", "--tls-verify=false", ready.name("app"), store=other)
    ready.podman("rmi", "--force", app["id"])
    repository = ready.registry.data / f"docker/registry/v2/repositories/{ready.prefix}"
    shutil.move(repository, tmp_path / "gone")
    ran = ready.run("--json", "heal", "--no-tls-verify")
    assert ran.code == 6
    assert ready.name("app").rpartition(":")[0] in ran.error["message"]
    healed = ready.json("heal", "--from", str(other), "--no-tls-verify")
    assert str(other) in healed[0]["source"]
    assert ready.json("fsck", "--deep")["clean"] is True


def test_a_deployment_made_behind_storectls_back_and_a_changed_binding(ready: LabHost) -> None:
    deployment = ready.ostree_order()[0]
    stateroot, _, rest = deployment.partition("-")
    root = ready.sysroot / f"ostree/deploy/{stateroot}/deploy/{rest}"
    subprocess.run(["chattr", "-i", str(root)], check=True)
    (root / "usr/lib/bootc/bound-images.d/app.container").unlink()
    findings = ready.run("--json", "fsck").json["findings"]
    assert [(each["kind"], each["target"]) for each in findings] == [("unbound", deployment)]


def test_adopting_a_store_that_others_filled(host: LabHost) -> None:
    """As bootc leaves it: deployments by ostree, images by podman under their names, one of them missing."""
    bound = {"app.container": host.name("app"), "db.image": host.name("db", "1"), "gone.image": host.name("gone")}
    app, db, loose = host.push("app"), host.push("db", "1"), host.push("loose")
    sysroot = f"--sysroot={host.sysroot}"
    host.sysroot.mkdir()
    host.ostree("admin", "init-fs", str(host.sysroot))
    host.ostree("admin", sysroot, "os-init", "fedora")
    for version in ("1", "2"):
        host.commit(version, bound)
        host.ostree(f"--repo={host.sysroot}/ostree/repo", "pull-local", str(host.repo), "os/stable")
        host.ostree("admin", "deploy", sysroot, "--os=fedora", "--retain", "os/stable")
    host.ostree("admin", "pin", sysroot, "1")
    for name in (host.name("app"), host.name("db", "1"), host.name("loose")):
        host.store.parent.mkdir(exist_ok=True)
        host.podman("pull", "--quiet", "--tls-verify=false", name)
    host.podman("tag", app.image_id, "localhost/second:name")
    host.podman("untag", loose.image_id)
    before = (host.ostree_order(), host.image_ids())
    ran = host.run("--json", "adopt")
    assert ran.code == 6
    assert "gone" in ran.error["message"]
    assert (host.ostree_order(), host.image_ids()) == before
    rows = host.json("deployments")
    assert [row["id"] for row in rows] == before[0]
    assert [row["pinned"] for row in rows] == [False, True]
    assert {b["image_id"] for b in rows[0]["bound_images"]} == {app.image_id, db.image_id}
    events = len(host.history())
    assert host.run("adopt").code == 6
    assert len(host.history()) == events, "adopting twice changes nothing"
    assert host.json("gc")["foreign"] == [loose.image_id]
    assert host.json("why", app.image_id[:12])["live"] is True
    assert host.run("rollback").code == 4, "the image that is missing would be missed"
    gone = host.push("gone")
    host.ok("adopt", "--pull", "--no-tls-verify")
    assert gone.image_id in host.image_ids()
    host.ok("rollback")
    assert host.ostree_order() == before[0][::-1]
    assert host.json("gc", "--adopt-foreign")["images"][0]["id"] == loose.image_id
    assert json.loads(host.ok("--json", "fsck", "--deep").out)["clean"] is True


def test_adopting_where_the_container_store_is_missing(host: LabHost) -> None:
    host.sysroot.mkdir()
    host.ostree("admin", "init-fs", str(host.sysroot))
    host.ostree("admin", f"--sysroot={host.sysroot}", "os-init", "fedora")
    assert host.run("--json", "--sysroot", host.directory / "nowhere", "adopt").code == 1
    adopted = host.json("adopt")
    assert adopted["created"] is True
    assert host.podman_images() == []
    assert host.json("adopt")["created"] is False
