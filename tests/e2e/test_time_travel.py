"""The graph as it was, from the log alone; and what changed since."""

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


def test_metrics_are_open_metrics(host: LabHost) -> None:
    host.init()
    host.push("app")
    host.ok("pull", host.name("app"), "--lease", "0s", "--no-tls-verify")
    text = host.ok("metrics").out
    assert text.endswith("# EOF\n")
    assert any(line.startswith("storectl_images_garbage{") and line.endswith(" 1") for line in text.splitlines())
