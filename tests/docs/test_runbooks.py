"""The runbooks carried out on broken hosts, word by word."""

import shutil
from pathlib import Path

import pytest

from tests.docs.runbook import Runbook
from tests.lab.consumer import Consumer
from tests.lab.host import BASE, LabHost
from tests.lab.images import push_image
from tests.lab.small_disk import SmallDisk

OTHER = "/var/lib/containers/storage"


@pytest.fixture
def ready(host: LabHost) -> LabHost:
    host.init()
    deploy(host, "1")
    return host


def deploy(host: LabHost, content: str) -> None:
    host.push("app", content=content)
    host.push("db", "1")
    host.commit(content, {"app.container": host.name("app"), "db.image": host.name("db", "1")})
    host.deploy()


def another_store(host: LabHost) -> Path:
    """What stands for podman's own store, with the same images."""
    other = host.directory / "other"
    other.mkdir()
    for name in (host.name("app"), host.name("db", "1")):
        host.podman("pull", "--quiet", "--tls-verify=false", name, store=other)
    return other


def container_on_app(host: LabHost) -> Consumer:
    layers = [BASE, {"usr/share/app": b"app 1\n"}, {"usr/share/d": b"d\n"}]
    derived = push_image(host.registry, f"{host.prefix}/derived", "latest", layers)
    consumer = Consumer(host)
    consumer.pull(derived.reference)
    consumer.create(derived.reference, "works")
    return consumer


def test_a_lost_layer(ready: LabHost) -> None:
    other, consumer = another_store(ready), container_on_app(ready)
    app = next(row for row in ready.json("images") if ready.name("app") in row["names"])
    ready.podman("rmi", "--force", app["id"])
    with pytest.raises(AssertionError):
        consumer.content("works", "usr/share/app")
    Runbook.of("heal-a-lost-layer", ready, {OTHER: str(other)}).run()
    assert consumer.content("works", "usr/share/app") == b"app 1\n"


def test_a_lost_store(ready: LabHost) -> None:
    other, consumer = another_store(ready), container_on_app(ready)
    ids = ready.image_ids()
    shutil.rmtree(ready.store)
    Runbook.of("recover-a-lost-store", ready, {OTHER: str(other)}).run()
    assert ready.image_ids() == ids
    assert consumer.content("works", "usr/share/app") == b"app 1\n"


def test_a_full_disk(host: LabHost) -> None:
    with SmallDisk(host.sysroot, 80) as disk:
        host.init()
        for content in ("1", "2", "3"):
            deploy(host, content)
        host.ok("pull", host.push("loose").reference, "--lease", "0s", "--no-tls-verify")
        disk.fill(0)
        assert host.run("--json", "pin", "0").error["error"] == "disk-full"
        Runbook.of("free-a-full-disk", host).run()
        assert len(host.ostree_order()) == 1
        disk.empty()
        assert host.json("fsck", "--deep")["clean"] is True


def test_adopting_a_bootc_host(host: LabHost) -> None:
    host.sysroot.mkdir()
    host.ostree("admin", "init-fs", str(host.sysroot))
    host.ostree("admin", f"--sysroot={host.sysroot}", "os-init", "fedora")
    names = {name: host.push(name).reference for name in ("app", "gone", "loose")}
    host.commit("1", {"app.container": names["app"], "gone.image": names["gone"]})
    host.ostree(f"--repo={host.sysroot}/ostree/repo", "pull-local", str(host.repo), "os/stable")
    host.ostree("admin", "deploy", f"--sysroot={host.sysroot}", "--os=fedora", "os/stable")
    host.store.parent.mkdir()
    for name in ("app", "loose"):
        host.podman("pull", "--quiet", "--tls-verify=false", names[name])
    said = Runbook.of("adopt-a-bootc-host", host).run()
    assert any("gone" in each.out for each in said if each.command.code == 6)
    assert {row["id"] for row in host.json("images")} == host.image_ids()
    assert len(host.image_ids()) == 2
    assert host.json("fsck", "--deep")["clean"] is True
