"""Sysroots that others filled, in the shapes that are met in the field; after adopting everything works on them."""

import pytest

from tests.lab.host import LabHost
from tests.lab.os_trees import make_os_commit


def sysroot(host: LabHost, *stateroots: str) -> None:
    host.sysroot.mkdir()
    host.ostree("admin", "init-fs", str(host.sysroot))
    for stateroot in stateroots:
        host.ostree("admin", f"--sysroot={host.sysroot}", "os-init", stateroot)


def deploy(host: LabHost, stateroot: str, version: str, bound: dict[str, str], links: dict[str, str]) -> None:
    """As an installer, or bootc, does it: ostree alone."""
    make_os_commit(host.repo, "os/stable", version=version, bound=bound, links=links)
    host.ostree(f"--repo={host.sysroot}/ostree/repo", "pull-local", str(host.repo), "os/stable")
    host.ostree("admin", "deploy", f"--sysroot={host.sysroot}", f"--os={stateroot}", "--retain", "os/stable")


def podman_pull(host: LabHost, *names: str) -> None:
    host.store.parent.mkdir(parents=True, exist_ok=True)
    for name in names:
        host.podman("pull", "--quiet", "--tls-verify=false", name)


def test_several_stateroots_a_dangling_link_and_references_with_tag_and_digest(host: LabHost) -> None:
    app, db = host.push("app"), host.push("db", "1")
    by_both = f"{host.name('db', '1')}@{db.digest}"
    bound = {"app.container": host.name("app"), "db.image": by_both}
    dangling = {"usr/lib/bootc/bound-images.d/lost.image": "/usr/share/containers/systemd/lost.image"}
    sysroot(host, "blue", "green")
    deploy(host, "blue", "1", bound, {})
    deploy(host, "green", "2", bound, dangling)
    deploy(host, "green", "3", {"app.container": host.name("app")}, {})
    host.ostree("admin", "pin", f"--sysroot={host.sysroot}", "2")
    # podman drops the tag where a digest is given, and bootc would look for both.
    podman_pull(host, host.name("app"), by_both.replace(":1@", "@"))
    order, ids = host.ostree_order(), host.image_ids()
    ran = host.run("--json", "adopt")
    assert ran.code == 6
    assert "lost.image" in ran.error["message"]
    assert (host.ostree_order(), host.image_ids()) == (order, ids), "nothing was changed"
    rows = host.json("deployments")
    assert [row["stateroot"] for row in rows] == ["green", "green", "blue"]
    assert [row["pinned"] for row in rows] == [False, False, True]
    assert {b["image_id"] for b in rows[1]["bound_images"]} == {app.image_id, db.image_id}
    head = host.json("status")["head"]
    assert host.run("adopt").code == 6
    assert host.json("status")["head"] == head, "adopting twice changes nothing"
    # One bad link in one deployment stops nothing.
    assert host.json("gc")["images"] == []
    assert {step["id"] for path in host.json("why", db.image_id)["paths"] for step in path} >= {order[1], order[2]}
    assert host.run("rollback").code == 4, "what dangles would be missed"
    host.ok("rollback", "--to", order[2])
    assert host.ostree_order()[0] == order[2]
    host.ok("rollback", "--to", order[0])
    host.ok("undeploy", order[1])
    assert host.json("adopt")["lacking"] == [], "what dangled is gone"
    assert host.run("undeploy", order[2]).code == 4, "it is pinned"
    host.ok("unpin", order[2])
    host.ok("undeploy", order[2])
    assert [image["id"] for image in host.json("gc")["images"]] == [db.image_id]
    assert host.json("fsck", "--deep") == {"clean": True, "findings": []}
    host.ok("verify")


def test_as_an_installer_leaves_it_without_a_store_and_everything_to_fetch(host: LabHost) -> None:
    app, db = host.push("app"), host.push("db", "1")
    sysroot(host, "default")
    deploy(host, "default", "1", {"app.container": host.name("app"), "db.image": host.name("db", "1")}, {})
    ran = host.run("--json", "adopt")
    assert ran.code == 6
    assert len(ran.json["lacking"]) == 2
    assert host.image_ids() == set()
    assert host.run("fsck", "--deployment", "0").code == 6
    host.ok("adopt", "--pull", "--no-tls-verify")
    assert host.image_ids() == {app.image_id, db.image_id}
    assert host.json("fsck", "--deployment", "0")["clean"] is True
    assert host.json("adopt")["created"] is False
    assert host.json("gc")["images"] == []


@pytest.mark.parametrize("names", [("localhost/other:1",), ()], ids=["two names", "no name"])
def test_images_with_two_names_or_none_are_known_by_what_they_are(host: LabHost, names: tuple[str, ...]) -> None:
    app = host.push("app")
    sysroot(host, "default")
    by_digest = f"{host.name('app').rpartition(':')[0]}@{app.digest}"
    deploy(host, "default", "1", {"app.container": by_digest}, {})
    podman_pull(host, host.name("app"))
    host.podman("tag", app.image_id, *names) if names else host.podman("untag", app.image_id)
    adopted = host.json("adopt")
    assert adopted["lacking"] == []
    assert host.json("why", app.image_id)["live"] is True
    host.ok("gc")
    assert host.image_ids() == {app.image_id}
    assert host.json("gc", "--adopt-foreign")["images"] == []
