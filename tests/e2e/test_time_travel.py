"""The graph as it was, from the log alone; and what changed since."""

from datetime import datetime, timedelta

from tests.lab.host import LabHost


def test_lists_and_graph_at_a_position_and_what_changed_since(host: LabHost) -> None:
    host.init()
    first = host.push("app").image_id
    host.commit("1", {"app.container": host.name("app")})
    one = host.deploy()["id"]
    then = host.json("status")["head"]
    moment = host.history()[-1]["time"]
    pictures = {name: host.json(name, "--at", str(then)) for name in ("images", "layers", "deployments")}
    assert [row["id"] for row in pictures["images"]] == [first]
    second = host.push("app", content="2").image_id
    host.commit("2", {"app.container": host.name("app")})
    two = host.deploy()["id"]
    host.ok("undeploy", "1")
    host.ok("gc")
    assert {name: host.json(name, "--at", str(then)) for name in pictures} == pictures
    assert [row["id"] for row in host.json("images", "--at", moment)] == [first]
    assert [row["id"] for row in host.json("deployments")] == [two]
    why = host.json("why", first[:12], "--at", str(then))
    assert why["live"]
    assert {path[0]["id"] for path in why["paths"]} >= {one}
    assert host.run("why", first[:12]).code == 1, "pruned since"
    nodes = {node["id"] for node in host.json("graph", "--at", str(then), "--format", "json")["nodes"]}
    assert {f"image:{first}", f"deployment:{one}"} <= nodes
    assert host.ok("graph", "--format", "svg").out.lstrip().startswith("<?xml")
    changes = host.json("diff", str(then))["changes"]
    told = {(change["what"], change["kind"], change["id"]) for change in changes}
    assert {("added", "image", second), ("removed", "image", first)} <= told
    assert {("added", "deployment", two), ("removed", "deployment", one), ("changed", "default", two)} <= told
    assert host.json("diff", str(then), str(then))["changes"] == []
    assert host.run("images", "--at", "99999").code == 1
    assert host.run("diff", "yesterday").code == 2


def test_a_lease_that_ran_out_before_the_time_asked_for_holds_nothing(host: LabHost) -> None:
    host.init()
    pushed = host.push("app").image_id
    host.ok("pull", host.name("app"), "--lease", "2h", "--no-tls-verify")
    granted = datetime.fromisoformat(host.history()[-1]["time"])
    for hours, held in ((1, True), (3, False)):
        moment = (granted + timedelta(hours=hours)).isoformat()
        (image,) = host.json("images", "--at", moment)
        assert (image["id"], bool(image["used_by"])) == (pushed, held)
        assert host.json("why", pushed, "--at", moment)["live"] is held


def test_metrics_are_open_metrics(host: LabHost) -> None:
    host.init()
    host.push("app")
    host.ok("pull", host.name("app"), "--lease", "0s", "--no-tls-verify")
    text = host.ok("metrics").out
    assert text.endswith("# EOF\n")
    assert any(line.startswith("storectl_images_garbage{") and line.endswith(" 1") for line in text.splitlines())
