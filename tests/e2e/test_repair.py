"""Every kind of damage with a real case: fsck finds it, the repair mends it, and what sat on it works again."""

import base64
import os
import shutil
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

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


def image(host: LabHost, name: str) -> Any:
    return next(row for row in host.json("images") if name in row["names"])


def consumer_of_app(host: LabHost) -> Consumer:
    """A store with a container that sits on the owned store's layers."""
    own = {"usr/share/app": b"app 1\n"}
    derived = push_image(host.registry, f"{host.prefix}/derived", "latest", [BASE, own, {"usr/share/d": b"d\n"}])
    consumer = Consumer(host)
    consumer.pull(derived.reference)
    consumer.create(derived.reference, "works")
    return consumer


def config_file(host: LabHost, identity: str) -> Path:
    name = "=" + base64.b64encode(f"sha256:{identity}".encode()).decode()
    return host.store / "overlay-images" / identity / name


def kinds(findings: list[Any]) -> set[tuple[str, str]]:
    return {(each["kind"], each["target"]) for each in findings}


def test_all_kinds_of_damage_at_once(ready: LabHost) -> None:
    consumer = consumer_of_app(ready)
    ready.podman("pull", "--quiet", "--tls-verify=false", ready.push("stranger").reference)
    app, db = image(ready, ready.name("app")), image(ready, ready.name("db", "1"))
    base, own_of_app = app["layers"]
    assert db["layers"][0] == base, "the base layer is shared"
    manifest = ready.store / "overlay-images" / app["id"] / "manifest"
    manifest.write_bytes(manifest.read_bytes().replace(b"schemaVersion", b"schemaversion"))
    config_file(ready, db["id"]).write_bytes(b"{}")
    shutil.rmtree(ready.store / "overlay" / base)
    (ready.store / "overlay" / own_of_app / "lower").write_text("l/NOTHING")
    mark = ready.sysroot / "ostree/storectl/checkpoints/high-water"
    mark.chmod(0o644)
    with pytest.raises(AssertionError):
        consumer.content("works", "usr/share/app")
    found = ready.run("--json", "fsck")
    assert found.code == 6
    assert kinds(found.json["findings"]) >= {
        ("damaged", app["id"]), ("damaged", db["id"]), ("missing", base), ("damaged", own_of_app),
        ("damaged", str(mark)), ("foreign", image(ready, ready.name("stranger"))["id"]),
    }  # fmt: skip
    recorded = ready.history("--type", "DriftFound")[-1]["data"]
    assert kinds(recorded["findings"]) == kinds(found.json["findings"])
    assert ready.run("fsck", "--deployment", "0").code == 6
    repaired = ready.run("--json", "fsck", "--repair", "--no-tls-verify")
    assert kinds(repaired.json["findings"]) == {("foreign", image(ready, ready.name("stranger"))["id"])}
    assert kinds(ready.history("--type", "DriftRepaired")[-1]["data"]["findings"]) == kinds(repaired.json["repaired"])
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    for row in (app, db):
        assert ready.podman("image", "mount", row["id"])
    assert ready.json("fsck", "--deployment", "0") == {"clean": True, "findings": []}
    kept = list((ready.store.parent / "quarantine").rglob("*manifest*"))
    assert any(b"schemaversion" in path.read_bytes() for path in kept), "put aside, not deleted"
    ready.ok("gc", "--adopt-foreign")
    assert ready.json("fsck", "--deep")["clean"] is True


def test_a_store_that_is_lost_as_a_whole(ready: LabHost) -> None:
    consumer = consumer_of_app(ready)
    ids = ready.image_ids()
    shutil.rmtree(ready.store)
    assert "no container store" in ready.json("status")["drift"][0]
    assert ready.run("fsck").code == 6
    assert ready.run("rollback").code == 4
    # One place is not enough: the image comes from whoever has it.
    other = ready.directory / "other"
    other.mkdir()
    ready.podman("pull", "--quiet", "--tls-verify=false", ready.name("db", "1"), store=other)
    repository = ready.registry.data / f"docker/registry/v2/repositories/{ready.prefix}/db"
    repository.rename(repository.with_name("gone"))
    assert ready.run("--json", "heal", "--no-tls-verify").code == 6
    healed = ready.json("heal", "--from", str(other), "--no-tls-verify")
    assert [each["source"] and str(other) in each["source"] for each in healed] == [True]
    assert ready.image_ids() == ids
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    assert ready.json("fsck", "--deep") == {"clean": True, "findings": []}
    assert ready.json("status")["drift"] == []


def test_healing_a_layer_heals_the_images_that_have_it_and_nothing_else(ready: LabHost) -> None:
    consumer = consumer_of_app(ready)
    app, db = image(ready, ready.name("app")), image(ready, ready.name("db", "1"))
    for layer in (app["layers"][1], db["layers"][1]):
        next(path for path in (ready.store / f"overlay/{layer}/diff").rglob("*") if path.is_file()).write_text("X")
    healed = ready.json("heal", app["layers"][1][:12], "--no-tls-verify")
    assert [each["image"] for each in healed] == [app["id"]]
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    assert kinds(ready.run("--json", "fsck", "--deep").json["findings"]) == {("damaged", db["layers"][1])}
    healed = ready.json("heal", db["layers"][0], "--no-tls-verify")
    assert {each["image"] for each in healed} == {app["id"], db["id"]}, "the base layer is in both"
    assert ready.run("heal", "0123456789ab", "--no-tls-verify").code == 1


def test_what_a_killed_pull_leaves_is_found_and_swept(ready: LabHost) -> None:
    name = ready.push("big", layers=[{f"usr/zeros{number}": bytes(100 << 20) for number in range(2)}]).reference
    runroot = f"/run/storectl-lab/{ready.prefix}-{ready.store.name}"
    argv = ["unshare", "--mount", "--propagation", "private", "skopeo", "copy", "--src-tls-verify=false",
            f"docker://{name}", f"containers-storage:[overlay@{ready.store}+{runroot}]{name}"]  # fmt: skip
    quiet = {"stdin": subprocess.DEVNULL, "stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    with subprocess.Popen(argv, start_new_session=True, **quiet) as pull:  # type: ignore[call-overload]
        deadline = time.monotonic() + 60
        while not half_pulled(ready.store):
            assert time.monotonic() < deadline
            assert pull.poll() is None, "too late: it is whole"
        os.killpg(pull.pid, signal.SIGKILL)
    found = ready.run("--json", "fsck")
    assert found.code == 6
    assert [each["kind"] for each in found.json["findings"]] == ["incomplete"]
    assert ready.run("fsck", "--deployment", "0").code == 0, "what it binds is whole"
    ready.ok("fsck", "--repair", "--no-tls-verify")
    assert not half_pulled(ready.store)
    assert len(list((ready.store / "overlay").glob("?" * 64))) == 3


def half_pulled(store: Path) -> bool:
    files = [store / "overlay-layers" / name for name in ("layers.json", "volatile-layers.json")]
    return any('"incomplete":true' in file.read_text() for file in files if file.exists())
