"""One suite for the container store and its images' source, on the fake in memory and on the real tools alike."""

import shutil
import subprocess
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import pytest

from adapters.containers.skopeo import Skopeo
from adapters.containers.store import OwnedStore
from adapters.process import Runner
from domain.errors import ImageUnavailable, Refused
from domain.ports import ContainerStore, ImageSourcePort, RegistryOptions
from domain.references import parse_reference
from domain.store_view import StoredContainer
from domain.values import Digest, ImageId
from tests.fakes.container_store import FakeRegistry, FakeSource, FakeStore
from tests.lab.images import push_image
from tests.lab.registry import Registry

OPTIONS = RegistryOptions(tls_verify=False)


class Push(Protocol):
    def __call__(self, repository: str, *layers: bytes, tag: str = "latest") -> tuple[str, Digest, list[Digest]]: ...


class Contain(Protocol):
    def __call__(self, image: ImageId) -> None: ...


@dataclass
class World:
    """`push` gives (reference, manifest digest, diff-ids); `contain` makes a container of an image in the store."""

    store: ContainerStore
    source: ImageSourcePort
    push: Push
    contain: Contain

    def pull(self, reference: str) -> ImageId:
        resolved = self.source.resolve(parse_reference(reference), OPTIONS)
        return self.store.pull(resolved, OPTIONS, lambda text: None)


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


def fake_world() -> World:
    registry = FakeRegistry()
    store = FakeStore(registry)

    def push(repository: str, *layers: bytes, tag: str = "latest") -> tuple[str, Digest, list[Digest]]:
        image = registry.push(f"localhost/{repository}:{tag}", *layers)
        return f"localhost/{repository}:{tag}", image.digest, list(image.diff_ids)

    def contain(image: ImageId) -> None:
        store.containers.append(StoredContainer("c", ("c",), image, None))

    return World(store, FakeSource(registry), push, contain)


def real_world(registry: Registry, directory: Path) -> World:
    prefix = uuid.uuid4().hex[:8]
    runner, runroot = Runner(), Path(f"/run/storectl-lab/{prefix}")
    runroot.parent.mkdir(exist_ok=True)
    store = OwnedStore(directory / "storage", runroot, runner)

    def push(repository: str, *layers: bytes, tag: str = "latest") -> tuple[str, Digest, list[Digest]]:
        contents = [{f"layer{number}": content} for number, content in enumerate(layers)]
        made = push_image(registry, f"{prefix}/{repository}", tag, contents)
        return made.reference, Digest(made.digest), list(map(Digest, made.diff_ids))

    def contain(image: ImageId) -> None:
        argv = ["unshare", "-m", "--propagation", "private", "podman", "--root", str(store.path), "--runroot",
                str(runroot), "--storage-driver", "overlay", "create", "--name", "c", image, "/bin/true"]  # fmt: skip
        subprocess.run(argv, check=True, capture_output=True, stdin=subprocess.DEVNULL)

    return World(store, Skopeo(runner), push, contain)


@pytest.fixture(params=["fake", "real"])
def world(request: pytest.FixtureRequest, registry: Registry, tmp_path: Path) -> Iterator[World]:
    made = fake_world() if request.param == "fake" else real_world(registry, tmp_path)
    assert not made.store.exists()
    made.store.create()
    yield made
    if isinstance(made.store, OwnedStore):
        shutil.rmtree(made.store.runroot, ignore_errors=True)


def test_a_store_is_made_once_and_is_empty(world: World) -> None:
    world.store.create()
    view = world.store.view()
    assert (dict(view.images), dict(view.layers), view.containers) == ({}, {}, ())


def test_what_is_pulled_is_there_by_digest_whole_and_only_once(world: World) -> None:
    reference, digest, diff_ids = world.push("app", b"base", b"own")
    before = world.store.view().token
    image = world.pull(reference)
    view = world.store.view()
    assert view.token != before
    stored = view.by_digest(digest)
    assert stored is not None
    assert stored.id == image
    chain = [view.layers[layer] for layer in view.chain(stored.layer)]
    assert [layer.diff_id for layer in chain] == diff_ids
    assert all(layer.complete for layer in chain)
    assert chain[0].id == diff_ids[0].removeprefix("sha256:")
    assert stored.names == (str(parse_reference(reference).at(digest)),), "a pull takes no tag from anybody"
    assert set(world.store.links([layer.id for layer in chain])) == {layer.id for layer in chain}
    assert world.pull(reference) == image
    assert len(world.store.view().images) == 1


def test_layers_that_are_shared_are_there_once_and_go_with_the_last(world: World) -> None:
    first, second = world.pull(world.push("a", b"base", b"a")[0]), world.pull(world.push("b", b"base", b"b")[0])
    assert len(world.store.view().layers) == 3
    world.store.delete(first)
    view = world.store.view()
    assert set(view.images) == {second}
    assert len(view.layers) == 2
    world.store.delete(first)
    world.store.delete(second)
    assert not world.store.view().layers


def test_many_go_at_once_and_what_stays_is_whole(world: World) -> None:
    named, twice, last = (world.pull(world.push(name, b"base", name.encode())[0]) for name in ("a", "b", "c"))
    world.store.tag(twice, "localhost/second:1")
    world.store.delete_all([named, ImageId("0" * 64), twice])
    view = world.store.view()
    assert set(view.images) == {last}
    assert view.images[last].names
    assert len(view.layers) == 2
    world.store.delete_all([last])
    assert not world.store.view().layers


def test_many_go_at_once_but_not_what_they_were_built_on(world: World) -> None:
    """podman takes an image's parents along where they have no name."""
    parent = world.pull(world.push("parent", b"base")[0])
    world.store.untag(parent, world.store.view().images[parent].names)
    going = [world.pull(world.push(name, b"base", name.encode())[0]) for name in ("a", "b")]
    world.store.delete_all(going)
    view = world.store.view()
    assert set(view.images) == {parent}
    assert len(view.chain(view.images[parent].layer)) == 1


def test_many_go_at_once_but_for_the_one_in_use(world: World) -> None:
    used, free, also = (world.pull(world.push(name, b"base", name.encode())[0]) for name in ("a", "b", "c"))
    world.contain(used)
    with pytest.raises(Refused):
        world.store.delete_all([free, also, used])
    assert set(world.store.view().images) == {used}


def test_a_name_has_one_image_and_can_be_taken_away(world: World) -> None:
    reference, _, _ = world.push("app", b"1")
    first = world.pull(reference)
    world.store.tag(first, reference)
    world.push("app", b"2")
    second = world.pull(reference)
    world.store.tag(second, reference)
    view = world.store.view()
    assert reference in view.images[second].names
    assert reference not in view.images[first].names
    stand_in = next(name for name in view.images[second].names if name != reference)
    world.store.untag(second, [stand_in])
    assert world.store.view().images[second].names == (reference,)
    world.store.delete(second)
    assert first in world.store.view().images


def test_an_image_in_use_by_a_container_is_refused(world: World) -> None:
    image = world.pull(world.push("app", b"1")[0])
    world.contain(image)
    assert world.store.view().containers[0].image == image
    with pytest.raises(Refused):
        world.store.delete(image)
    assert image in world.store.view().images


def test_what_is_not_there_is_named(world: World) -> None:
    reference, digest, _ = world.push("app", b"1")
    gone = parse_reference(reference.replace("latest", "gone"))
    with pytest.raises(ImageUnavailable, match="gone"):
        world.source.resolve(gone, OPTIONS)
    by_digest = world.source.resolve(parse_reference(reference).at(digest), OPTIONS)
    assert by_digest.digest == digest
    with pytest.raises(ImageUnavailable):
        world.source.resolve(parse_reference(reference).at(Digest("sha256:" + "0" * 64)), OPTIONS)


def test_what_was_just_pulled_has_no_problems(world: World) -> None:
    image = world.pull(world.push("app", b"base", b"own")[0])
    view = world.store.view()
    assert world.store.record_problems(view.images[image]) == []
    links = {layer: {name} for layer, name in world.store.links(view.layers).items()}
    assert world.store.link_problems(view, links) == []
    assert {layer: world.store.content_digest(layer) for layer in view.layers} == {
        layer: stored.diff_id for layer, stored in view.layers.items()
    }


def test_an_old_link_name_leads_to_its_layer_again(world: World) -> None:
    reference = world.push("app", b"base", b"own")[0]
    image = world.pull(reference)
    old = {layer: {name} for layer, name in world.store.links(world.store.view().layers).items()}
    world.store.delete(image)
    world.pull(reference)
    assert world.store.link_problems(world.store.view(), old), "the layers came back under other names"
    world.store.restore_links(old)
    world.store.restore_links(old)
    assert world.store.link_problems(world.store.view(), old) == []


def test_names_are_put_exactly_and_taken_from_others(world: World) -> None:
    first, second = world.pull(world.push("app", b"1")[0]), world.pull(world.push("db", b"2")[0])
    by_digest = world.store.view().images[first].names[0]
    world.store.put_names({first: ["localhost/a:1", by_digest], second: []})
    token = world.store.view().token
    world.store.put_names({first: ["localhost/a:1", by_digest], second: []})
    images = world.store.view().images
    assert (images[first].names, images[second].names) == (("localhost/a:1", by_digest), ())
    world.store.put_names({second: ["localhost/a:1"]})
    images = world.store.view().images
    assert (images[first].names, images[second].names) == ((by_digest,), ("localhost/a:1",))
    assert world.store.view().token != token
    world.store.tag(first, "localhost/c:1")  # the tools go on with it
    assert set(world.store.view().images[first].names) == {by_digest, "localhost/c:1"}
