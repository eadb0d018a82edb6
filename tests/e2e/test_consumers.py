"""The trouble that storectl starts from: another store builds on the owned one's layers, and the owned one prunes."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.lab.consumer import Consumer
from tests.lab.host import BASE, LabHost
from tests.lab.images import push_image

OWN = {"usr/share/derived": b"derived\n"}


@pytest.fixture
def owned(host: LabHost) -> LabHost:
    """A store with one image that a lease of no length leaves as garbage: what any collection drops."""
    host.init()
    host.push("app")
    host.ok("pull", host.name("app"), "--lease", "0s", "--no-tls-verify")
    return host


def derived(host: LabHost) -> str:
    """An image whose lower layers are those of `app`, with a layer of its own."""
    own_of_app = {"usr/share/app": b"app 1\n"}
    return push_image(host.registry, f"{host.prefix}/derived", "latest", [BASE, own_of_app, OWN]).reference


def test_act_one_without_storectl_podman_breaks_the_other_store(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    consumer.create(derived(owned), "works")
    own = json.loads((consumer.path / "overlay-layers/layers.json").read_text())
    assert len(own) == 2, "the image's own layer, and the container's"
    (app,) = owned.image_ids()
    owned.podman("image", "rm", app)
    assert consumer.podman("images", check=False).returncode != 0, "the real trouble: every 'podman images' fails"


def test_act_two_with_storectl_nothing_that_the_other_store_uses_goes(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    container = consumer.create(derived(owned), "works")
    unused = owned.push("unused")
    owned.ok("pull", owned.name("unused"), "--lease", "0s", "--no-tls-verify")
    (app,) = owned.image_ids() - {unused.image_id}
    owned.ok("consumer", "add", consumer.path)
    done = owned.json("gc")
    assert [victim["id"] for victim in done["images"]] == [unused.image_id]
    kept = {each["id"]: each["by"] for each in done["kept"]}
    assert any(container in by for by in kept[app])
    assert f"kept: image {app[:12]}" in (told := owned.ok("gc", "--dry-run").out)
    assert f"container works of {consumer.path}" in told
    assert owned.image_ids() == {app}
    assert consumer.content("works", "usr/share/derived") == b"derived\n"
    assert consumer.content("works", "usr/share/app") == b"app 1\n"
    consumer.podman("images")
    why = owned.json("why", app)
    assert why["live"] is True
    path = next(path for path in why["paths"] if path[1]["kind"] == "container")
    assert (path[0]["kind"], path[0]["id"], path[1]["name"]) == ("consumer", str(consumer.path), "works")
    impact = owned.json("impact", app)
    assert {"store": str(consumer.path), "holder": f"container:{container}", "name": "works"} in impact["containers"]
    # When the other store lets go, so does this one.
    consumer.podman("rm", "works")
    consumer.podman("rmi", derived(owned))
    assert [victim["id"] for victim in owned.json("gc")["images"]] == [app]
    assert owned.image_ids() == set()
    assert {"ConsumerReferenceObserved", "ConsumerReferenceGone"} <= {event["type"] for event in owned.history()}
    owned.ok("verify")


def test_an_image_of_the_consumer_without_any_layer_of_its_own(owned: LabHost) -> None:
    consumer = Consumer(owned)
    own_of_app = {"usr/share/app": b"app 1\n"}
    same = push_image(
        owned.registry, f"{owned.prefix}/same", "latest", [BASE, own_of_app], labels={"another": "config"}
    )
    consumer.pull(same.reference)
    layers = consumer.path / "overlay-layers/layers.json"
    assert not layers.exists() or json.loads(layers.read_text() or "[]") == []
    owned.ok("consumer", "add", consumer.path)
    assert owned.json("gc")["images"] == []
    consumer.create(same.reference, "later")
    assert consumer.content("later", "usr/share/app") == b"app 1\n"


def test_a_container_straight_from_the_owned_store_and_one_of_its_own(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.create(owned.name("app"), "direct")
    owned.ok("consumer", "add", consumer.path)
    assert owned.json("gc")["images"] == []
    assert consumer.content("direct", "usr/share/app") == b"app 1\n"
    consumer.podman("rm", "direct")
    owned.podman("create", "--name", "own", owned.name("app"), "/bin/true")
    done = owned.json("gc")
    assert done["images"] == []
    assert owned.json("why", owned.name("app"))["paths"][0][0]["name"] == "own"
    owned.podman("rm", "own")
    assert len(owned.json("gc")["images"]) == 1


def test_a_plan_that_does_not_hold_any_more_says_what_changed(owned: LabHost) -> None:
    (app,) = owned.image_ids()
    consumer = Consumer(owned)
    consumer.podman("images")
    owned.ok("consumer", "add", consumer.path)
    dry = owned.json("gc", "--dry-run")
    again = owned.json("gc", "--dry-run", "--plan", dry["plan"][:8])
    assert again["plan"] == dry["plan"], "it holds still"
    consumer.pull(derived(owned))
    owned.push("more")
    owned.ok("pull", owned.name("more"), "--lease", "0s", "--no-tls-verify")
    for words in (["gc"], ["gc", "--dry-run"]):
        ran = owned.run("--json", *words, "--plan", dry["plan"])
        assert ran.code == 5, ran.err
        assert f"image {app[:12]} stays, held by consumer:{consumer.path}" in ran.error["message"]
        assert "would go, too" in ran.error["message"]
        assert "came in between" in ran.error["message"]
    assert len(owned.image_ids()) == 2
    (owned.sysroot / "ostree/storectl/cache/plans").write_bytes(b"[{}, nonsense")
    ran = owned.run("--json", "gc", "--plan", dry["plan"])
    assert ran.code == 5, "the memory is a cache"
    assert "now it would be" in ran.error["message"]
    assert owned.run("gc", "--plan", "nonsense").code == 2


def test_a_path_that_leads_nowhere_or_to_no_store_and_the_owned_store_under_another_name(owned: LabHost) -> None:
    (owned.directory / "empty").mkdir()
    (owned.directory / "link").symlink_to(owned.sysroot)
    for path, code in (("empty", 1), ("nowhere", 1), ("a\nb", 2), ("link/ostree/bootc/storage", 4)):
        ran = owned.run("--json", "consumer", "add", owned.directory / path)
        assert ran.code == code, (path, ran.err)
        assert ran.error["hint"]
    ran = owned.run("--json", "--sysroot", owned.directory / "link", "consumer", "add", owned.store)
    assert ran.code == 4
    assert owned.json("consumer", "list") == []


def test_a_consumer_by_every_way_to_write_its_path_is_one_store(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    (owned.directory / "link").symlink_to(consumer.path)
    for path in (f"{owned.directory}/link/", f"{consumer.path}//", f"{owned.directory}/sysroot/../B"):
        owned.ok("consumer", "add", path)
    assert [row["path"] for row in owned.json("consumer", "list")] == [str(consumer.path)]
    assert owned.json("gc")["images"] == []


def test_a_consumer_on_a_file_system_of_its_own_which_is_not_mounted_any_more(owned: LabHost) -> None:
    place = owned.directory / "mounted"
    place.mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "storectl-test", place], check=True)
    try:
        consumer = Consumer(owned, "mounted/B")
        consumer.pull(derived(owned))
        owned.ok("consumer", "add", consumer.path)
        assert owned.json("gc")["images"] == []
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)
    consumer.path.mkdir()
    for words in (["gc"], ["gc", "--dry-run"]):
        ran = owned.run("--json", *words)
        assert ran.code == 4, (words, ran.out, ran.err)
        assert str(consumer.path) in ran.error["message"]
    assert len(owned.image_ids()) == 1
    assert owned.history("--type", "ConsumerReferenceGone") == [], "nobody saw it let go"


def _garbage(path: Path) -> Path:
    (path / "overlay-layers/layers.json").write_text("[{]")
    return path / "overlay-layers/layers.json"


def _half_written(path: Path) -> Path:
    file = path / "overlay-layers/layers.json"
    file.write_text(file.read_text()[:-20])
    return file


def _vanished(path: Path) -> Path:
    shutil.rmtree(path)
    return path


def _other_driver(path: Path) -> Path:
    shutil.move(path / "overlay-images", path / "vfs-images")
    return path


def _not_openable(path: Path) -> Path:
    file = path / "overlay-layers/layers.json"
    file.unlink()
    file.symlink_to("/etc/passwd")
    return file


@pytest.mark.parametrize("spoil", [_garbage, _half_written, _vanished, _other_driver, _not_openable])
def test_a_consumer_that_cannot_be_read_and_nothing_is_dropped(owned: LabHost, spoil) -> None:  # type: ignore[no-untyped-def]
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    owned.ok("consumer", "add", consumer.path)
    before = owned.image_ids()
    named = spoil(consumer.path)
    ran = owned.run("--json", "gc")
    assert ran.code == 4, ran.err
    assert str(named) in ran.error["message"]
    assert owned.image_ids() == before
    owned.ok("status")
    if spoil is _vanished:
        owned.ok("consumer", "remove", consumer.path)
        assert len(owned.json("gc")["images"]) == 1


def test_the_freeze_gives_up_when_the_consumer_is_in_use(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    owned.ok("consumer", "add", consumer.path)
    lock = consumer.path / "overlay-containers/containers.lock"
    script = (
        f"import fcntl, time; f = open({str(lock)!r}, 'r+b'); fcntl.lockf(f, fcntl.LOCK_EX); "
        "print(1, flush=True); time.sleep(30)"
    )
    with subprocess.Popen(["python3", "-c", script], stdout=subprocess.PIPE) as holder:
        assert holder.stdout
        holder.stdout.readline()
        ran = owned.run("--json", "gc", "--wait", "0.3")
        holder.kill()
    assert ran.code == 5
    assert str(consumer.path) in ran.error["message"]
    owned.ok("gc")


def test_plans_bind_the_consumers_state(owned: LabHost) -> None:
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    owned.ok("consumer", "add", consumer.path)
    owned.push("unused")
    owned.ok("pull", owned.name("unused"), "--lease", "0s", "--no-tls-verify")
    plan = owned.json("gc", "--dry-run")["plan"]
    consumer.create(derived(owned), "new")
    ran = owned.run("--json", "gc", "--plan", plan)
    assert ran.code == 5
    again = owned.json("gc", "--dry-run")["plan"]
    assert len(owned.json("gc", "--plan", again)["images"]) == 1


def test_pins_hold_images_layers_and_deployments(host: LabHost) -> None:
    host.init()
    for version in ("1", "2", "3"):
        host.push("app", content=version)
        host.commit(version, {"app.container": host.name("app")})
        host.deploy()
    first = host.json("deployments")[2]
    image = first["bound_images"][0]["image_id"]
    host.ok("pin", "2", "--reason", "the auditors want it")
    assert host.run("undeploy", "2").code == 4
    assert host.json("gc", "--keep-deployments", "2")["deployments"] == []
    assert "Pinned: yes" in host.ostree("admin", "status", f"--sysroot={host.sysroot}")
    host.ok("pin", image, "--until", "1h")
    pins = host.json("pins")
    assert [(pin["kind"], pin["reason"]) for pin in pins] == [("deployment", "the auditors want it"), ("image", "")]
    assert all(pin["actor"] for pin in pins)
    host.ok("unpin", "2")
    done = host.json("gc", "--keep-deployments", "2")
    assert done["deployments"] == [first["id"]]
    assert image in host.image_ids(), "the image is pinned still"
    removed = host.history("--type", "DeploymentRemoved")[-1]
    assert "--keep-deployments 2" in removed["data"]["reason"]
    layer = host.json("images")[0]["layers"][-1]
    host.ok("unpin", image)
    host.ok("pin", layer)
    assert host.json("gc")["images"] == []
    host.ok("unpin", layer)
    assert [victim["id"] for victim in host.json("gc")["images"]] == [image]
    assert host.run("unpin", "0").code == 1


def test_grace_waits_and_a_dry_run_with_keep_deployments_tells_the_same_plan(host: LabHost) -> None:
    host.init()
    for version in ("1", "2", "3"):
        host.push("app", content=version)
        host.commit(version, {"app.container": host.name("app")})
        host.deploy()
    dry = host.json("gc", "--dry-run", "--keep-deployments", "2")
    assert len(dry["deployments"]) == len(dry["images"]) == 1
    assert len(host.ostree_order()) == 3
    host.json("gc", "--plan", dry["plan"], "--keep-deployments", "2")
    assert len(host.ostree_order()) == 2
    host.ok("undeploy", "1")
    waiting = host.json("gc", "--grace", "1h")
    assert waiting["images"] == []
    assert ["grace"] in [each["by"] for each in waiting["kept"]]
    assert len(host.json("gc")["images"]) == 1


def test_other_peoples_tools_are_noticed_and_left_alone(owned: LabHost) -> None:
    foreign = owned.push("foreign")
    owned.podman("pull", "--quiet", "--tls-verify=false", owned.name("foreign"))
    status = owned.json("status")
    assert any("foreign" in text for text in status["drift"])
    assert owned.history("--type", "ImageObserved")[-1]["data"]["image"] == foreign.image_id
    done = owned.json("gc")
    assert done["foreign"] == [foreign.image_id]
    assert owned.image_ids() == {foreign.image_id}
    adopted = owned.json("gc", "--adopt-foreign")
    assert [victim["id"] for victim in adopted["images"]] == [foreign.image_id]
    kept = owned.push("kept")
    owned.ok("pull", owned.name("kept"), "--no-tls-verify")
    owned.podman("rmi", kept.image_id)
    assert any(kept.image_id[:12] in text for text in owned.json("status")["drift"])
    assert owned.history("--type", "ImageLost")[-1]["data"]["image"] == kept.image_id


def test_a_layer_that_was_built_here_though_its_own_store_has_the_parent_now(owned: LabHost) -> None:
    """The record says that the parent is the consumer's own; the files still lead into the owned store."""
    consumer = Consumer(owned)
    consumer.pull(derived(owned))
    consumer.create(derived(owned), "works")
    other = push_image(owned.registry, f"{owned.prefix}/copy", "latest", [BASE, {"usr/share/app": b"app 1\n"}])
    # Pulled without the additional store: the consumer gets layers of its own with the very ids of the owned ones.
    owned.podman("pull", "--quiet", "--tls-verify=false", other.reference, store=consumer.path)
    owned.ok("consumer", "add", consumer.path)
    assert owned.json("gc")["images"] == []
    assert consumer.content("works", "usr/share/app") == b"app 1\n"


def test_a_failure_in_the_middle_is_told_and_the_next_run_goes_on(host: LabHost) -> None:
    host.init()
    pushed = []
    for name in ("one", "two", "three"):
        pushed.append(host.push(name).image_id)
        host.ok("pull", host.name(name), "--lease", "0s", "--no-tls-verify")
    stuck = next(row for row in host.json("images") if row["id"] == pushed[1])["layers"][-1]
    directory = host.store / "overlay" / stuck
    subprocess.run(["chattr", "+i", str(directory / "diff")], check=True)
    try:
        ran = host.run("--json", "gc")
        assert ran.code == 1
        assert pushed[1][:12] in ran.error["message"]
    finally:
        subprocess.run(["chattr", "-i", str(directory / "diff")], check=True)
    told = [event["data"]["image"] for event in host.history("--type", "ImagePruned")]
    assert sorted(told) == sorted(pushed), "the record of the second went before its layer could not"
    assert stuck not in {event["data"]["layer"] for event in host.history("--type", "LayerPruned")}
    assert host.history("--type", "OperationFailed")[-1]["data"]["reason"]
    host.ok("gc")
    assert host.image_ids() == set()
    host.ok("verify")
