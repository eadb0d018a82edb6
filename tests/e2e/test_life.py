"""The main job on real systems, seen through podman's, skopeo's and ostree's own eyes."""

import re
from datetime import datetime
from html.parser import HTMLParser

from tests.lab.host import LabHost


def bound(host: LabHost) -> dict[str, str]:
    return {"app.container": host.name("app"), "db.image": host.name("db", "1")}


def two_versions(host: LabHost) -> tuple[dict[str, str], dict[str, str]]:
    """init; deploy v1; `app:latest` moves on; deploy v2. The images by name of each version."""
    host.init()
    app1, db = host.push("app"), host.push("db", "1")
    host.commit("1", bound(host))
    host.deploy()
    app2 = host.push("app", content="2")
    host.commit("2", bound(host))
    host.deploy()
    return {"app": app1.image_id, "db": db.image_id}, {"app": app2.image_id, "db": db.image_id}


def test_init_makes_a_sysroot_that_ostree_and_podman_accept_and_is_idempotent(host: LabHost) -> None:
    made = host.init()
    assert made["created"] is True
    assert made["vkey"].startswith(made["origin"] + "+")
    again = host.json("init")
    assert again == made | {"created": False}
    assert host.podman_images() == []
    host.ostree("fsck", f"--repo={host.sysroot}/ostree/repo")
    state = host.sysroot / "ostree/storectl"
    assert state.stat().st_mode & 0o777 == 0o700
    assert all(key.stat().st_mode & 0o777 == 0o600 for key in (state / "keys").iterdir())


def test_a_floating_tag_is_two_images_and_each_deployment_keeps_its_own(host: LabHost) -> None:
    first, second = two_versions(host)
    assert host.image_ids() == {first["app"], second["app"], first["db"]}
    rows = host.json("deployments")
    assert [row["id"] for row in rows] == host.ostree_order()
    for row, images in zip(rows, (second, first), strict=True):
        assert {b["name"]: b["image_id"] for b in row["bound_images"]} == {
            "app.container": images["app"],
            "db.image": images["db"],
        }
        assert row["sealed_at"]
    by_name = {
        name: image["Id"].removeprefix("sha256:") for image in host.podman_images() for name in image["Names"] or ()
    }
    assert by_name[host.name("app")] == second["app"], "podman finds what the default deployment binds"


def test_rollback_swaps_the_order_and_twice_is_back_at_the_start(host: LabHost) -> None:
    first, second = two_versions(host)
    before = host.ostree_order()
    host.ok("rollback")
    assert host.ostree_order() == before[::-1]
    named = next(i for i in host.podman_images() if host.name("app") in (i["Names"] or ()))
    assert named["Id"].removeprefix("sha256:") == first["app"]
    host.ok("rollback")
    assert host.ostree_order() == before
    assert [event["type"] for event in host.history("--type", "DeploymentRolledBack")] == ["DeploymentRolledBack"] * 2
    assert second["app"] in host.image_ids()


def test_rollback_refuses_when_an_image_is_missing_and_names_it(host: LabHost) -> None:
    first, _ = two_versions(host)
    before = host.ostree_order()
    host.podman("rmi", "--force", first["app"])
    ran = host.run("--json", "rollback")
    assert ran.code == 4
    assert "app.container" in ran.error["message"]
    assert host.ostree_order() == before


def test_gc_drops_what_nothing_holds_keeps_shared_layers_and_finds_nothing_twice(host: LabHost) -> None:
    first, second = two_versions(host)
    host.ok("undeploy", "rollback")
    dry = host.json("gc", "--dry-run")
    assert [victim["id"] for victim in dry["images"]] == [first["app"]]
    assert len(dry["layers"]) == 1, "the base layer is shared"
    assert host.image_ids() == {first["app"], second["app"], first["db"]}, "a dry run drops nothing"
    done = host.json("gc", "--plan", dry["plan"])
    assert done["pruned"] is True
    assert done["plan"] == dry["plan"]
    assert host.image_ids() == {second["app"], second["db"]}
    again = host.json("gc")
    assert again["images"] == again["layers"] == []
    host.ok("verify")
    host.ostree("fsck", f"--repo={host.sysroot}/ostree/repo")
    for image in host.image_ids():
        assert host.podman("image", "mount", image)


def test_gc_takes_the_ostree_objects_of_removed_deployments(host: LabHost) -> None:
    two_versions(host)
    commit = host.json("deployments")[1]["commit"]
    host.ok("undeploy", "1")
    host.ok("gc")
    assert commit not in host.ostree("refs", f"--repo={host.sysroot}/ostree/repo", "--list")
    assert not (host.sysroot / f"ostree/repo/objects/{commit[:2]}/{commit[2:]}.commit").exists()


def test_one_image_that_cannot_be_had_and_nothing_is_deployed(host: LabHost) -> None:
    host.init()
    host.push("app")
    host.commit("1", bound(host))
    ran = host.run("--json", "deploy", "os/stable", "--from", host.repo, "--no-tls-verify")
    assert ran.code == 1
    assert host.name("db", "1") in ran.error["message"]
    assert host.ostree_order() == []
    assert host.json("status")["open_operations"] == []
    assert host.image_ids() == set()


def test_what_a_failed_deploy_pulled_is_garbage_again(host: LabHost) -> None:
    host.init()
    host.push("app")
    broken = host.push("db", "1", content="broken")
    for blob in broken.blobs[1:]:
        data = host.registry.data / f"docker/registry/v2/blobs/sha256/{blob[7:9]}/{blob[7:]}/data"
        data.write_bytes(b"not what the digest says")
    host.commit("1", bound(host))
    ran = host.run("--json", "deploy", "os/stable", "--from", host.repo, "--no-tls-verify", "--jobs", "1")
    assert ran.code == 1
    assert host.name("db", "1") in ran.error["message"]
    assert host.ostree_order() == []
    assert [row["used_by"] for row in host.json("images")] == [[]]
    host.ok("gc")
    assert host.image_ids() == set()


def test_an_image_that_is_present_is_not_pulled_again_and_no_blob_is_fetched_twice(host: LabHost) -> None:
    host.init()
    names = [f"app{number}" for number in range(5)]
    pushed = [host.push(name) for name in names]
    host.commit("1", {f"{name}.image": host.name(name) for name in names})
    before = len(host.registry.blob_requests())
    host.deploy()
    ours = {blob for image in pushed for blob in image.blobs}
    fetched = [blob for blob in host.registry.blob_requests()[before:] if blob in ours]
    assert len(fetched) == len(set(fetched))
    host.commit("2", {f"{name}.image": host.name(name) for name in names})
    before = len(host.registry.blob_requests())
    host.deploy()
    assert not [blob for blob in host.registry.blob_requests()[before:] if blob in ours]


def test_why_names_every_path_and_a_garbage_image_its_event(host: LabHost) -> None:
    first, second = two_versions(host)
    base = host.json("images")[0]["layers"][0]
    why = host.json("why", base[:12])
    assert why["live"] is True
    assert len(why["paths"]) == 4
    assert [step["kind"] for step in why["paths"][0]] == ["deployment", "bound-image", "image", "layer"]
    assert host.json("why", host.name("app"))["target"] == second["app"]
    host.ok("undeploy", "1")
    gone = host.json("why", first["app"])
    assert gone["live"] is False
    assert host.json("show", str(gone["garbage_since"]))["type"] == "DeploymentRemoved"
    assert host.run("why", "abcdef012345").code == 1


def test_bind_by_hand_holds_until_unbound(host: LabHost) -> None:
    first, second = two_versions(host)
    extra = host.push("extra")
    host.json("bind", host.name("extra"), "--deployment", "0", "--no-tls-verify")
    host.ok("gc")
    assert extra.image_id in host.image_ids()
    refused = host.run("--json", "unbind", host.name("db", "1"), "--deployment", "0")
    assert refused.code == 4
    host.ok("unbind", host.name("extra"), "--deployment", "0")
    host.ok("gc")
    assert host.image_ids() == {first["app"], second["app"], second["db"]}


def test_a_pulled_image_lives_as_long_as_its_lease(host: LabHost) -> None:
    host.init()
    pushed = host.push("app")
    host.ok("pull", host.name("app"), "--lease", "5h", "--no-tls-verify")
    host.ok("pin", pushed.image_id, "--until", "9d")
    leased = host.json("pull", host.name("app"), "--lease", "1h", "--no-tls-verify")
    granted = host.history("--type", "LeaseGranted")[-1]
    seconds = datetime.fromisoformat(leased["lease_until"]) - datetime.fromisoformat(granted["time"])
    assert abs(seconds.total_seconds() - 3600) < 60, "the lease of this pull, whatever else holds the image"
    host.ok("unpin", pushed.image_id)
    host.ok("gc")
    assert host.image_ids() == {pushed.image_id}
    host.json("pull", host.name("app"), "--lease", "0s", "--no-tls-verify")
    assert host.image_ids() == {pushed.image_id}


def test_two_names_no_name_and_one_image_bound_twice(host: LabHost) -> None:
    host.init()
    same = host.push("one")
    host.commit(
        "1", {"a.image": host.name("one"), "b.container": f"{host.name('one').rpartition(':')[0]}@{same.digest}"}
    )
    host.deploy()
    assert host.image_ids() == {same.image_id}
    host.podman("tag", same.image_id, "localhost/another:name")
    other = host.push("other")
    host.json("pull", host.name("other"), "--lease", "0s", "--no-tls-verify")
    host.podman("untag", other.image_id)
    host.ok("gc")
    assert host.image_ids() == {same.image_id}, "the nameless one went, the one with three names stays"
    host.ok("undeploy", "0")
    host.ok("gc")
    assert host.image_ids() == set()


def test_history_filters_and_follow_by_json_lines(host: LabHost) -> None:
    first, _ = two_versions(host)
    every = host.history()
    assert [event["position"] for event in every] == list(range(1, len(every) + 1))
    bindings = host.history("--type", "ImageBound", first["app"][:12])
    assert len(bindings) == 1
    assert bindings[0]["data"]["image"] == first["app"]
    assert {"position", "time", "type", "store", "operation", "actor", "key", "data", "leaf_hash", "signature"} <= set(
        bindings[0]
    )
    assert host.history("--limit", "1")[0]["position"] == len(every)
    assert host.history("--operation", bindings[0]["operation"])[0]["type"] == "OperationBegun"
    assert host.history("--until", "1d") == []


def test_the_graph_draws_every_live_node(host: LabHost) -> None:
    first, _ = two_versions(host)
    host.ok("pin", first["db"], "--reason", "<script>alert(1)</script>")
    for form in ("dot", "mermaid", "svg", "html"):
        drawn = host.ok("graph", "--format", form).out
        assert host.name("app") in drawn, form
        assert "<script>" not in drawn or form == "dot"
    page = drawn
    assert page.startswith("<!doctype html>")
    assert "default-src 'none'" in page
    assert not re.search(r"(?:src|href)=[\"'](?!#)", page), "nothing is loaded from elsewhere"
    HTMLParser().feed(page)
    host.ok("undeploy", "1")
    assert "class=garbage" in host.ok("graph", "--format", "html").out
    assert "class=garbage" not in host.ok("graph", "--format", "html", "--at", "30").out
    host.ok("unpin", first["db"])
    data = host.json("graph", "--format", "json")
    assert {node["kind"] for node in data["nodes"]} == {"deployment", "image", "layer"}
    assert [node["live"] for node in data["nodes"]].count(False) == 2, "the first image, and its own layer"
    assert {edge["from"] for edge in data["edges"]} | {edge["to"] for edge in data["edges"]} == {
        n["id"] for n in data["nodes"]
    }
