"""Images through a backup's layout and back: the same ids, digests and bytes, whatever format they are in."""

import json
import shutil
import subprocess
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest

from adapters.backup.image_layout import ImageLayout
from adapters.containers.image_records import put_manifest, put_names
from adapters.containers.records import read_blob
from adapters.containers.skopeo import Skopeo
from adapters.containers.store import OwnedStore
from adapters.process import Runner
from domain.backups import ArchivedImage
from domain.errors import BadInput, Failed, ImageUnavailable
from domain.ports import RegistryOptions
from domain.references import TransportSource, parse_reference
from domain.values import ImageId
from tests.lab.images import push_image
from tests.lab.registry import Registry

OPTIONS = RegistryOptions(tls_verify=False)
LAYERS = [
    {"usr/bin/base": b"base" * 3000, "usr/share/gone": b"x", "etc/empty": b""},
    {"usr/share/.wh.gone": b"", "usr/share/app": b"app"},
]


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def stores(tmp_path: Path) -> Iterator[tuple[OwnedStore, OwnedStore]]:
    made = []
    for name in ("old", "new"):
        runroot = Path(f"/run/storectl-lab/{uuid.uuid4().hex[:8]}")
        runroot.parent.mkdir(exist_ok=True)
        made.append(OwnedStore(tmp_path / name, runroot, Runner()))
        made[-1].create()
    yield made[0], made[1]
    for each in made:
        shutil.rmtree(each.runroot, ignore_errors=True)


def pulled(store: OwnedStore, reference: str) -> ImageId:
    resolved = Skopeo(store.runner).resolve(parse_reference(reference), OPTIONS)
    return store.pull(resolved, OPTIONS, lambda text: None)


def archived(store: OwnedStore, image: ImageId, place: Path) -> ArchivedImage:
    view = store.view()
    layout = ImageLayout(place, store.path)
    made = layout.add(view.images[image], view, lambda text: None)
    layout.write_index([made])
    assert layout.problems([made]) == []
    return made


def restored(store: OwnedStore, place: Path, image: ImageId) -> ImageId:
    resolved = Skopeo(store.runner).resolve(TransportSource("oci", f"{place}:{image}"), RegistryOptions())
    return store.pull(resolved, RegistryOptions(), lambda text: None)


@pytest.mark.parametrize("form", ["oci", "v2s2"])
def test_an_image_comes_back_as_it_was(
    registry: Registry, stores: tuple[OwnedStore, OwnedStore], tmp_path: Path, form: str
) -> None:
    old, new = stores
    pushed = push_image(registry, f"{form}/app", "1", LAYERS)
    reference = f"{registry.host}/{form}/copy:1"
    subprocess.run(
        ["skopeo", "copy", "--quiet", f"--format={form}", "--src-tls-verify=false", "--dest-tls-verify=false",
         f"docker://{pushed.reference}", f"docker://{reference}"], check=True, stdin=subprocess.DEVNULL,
    )  # fmt: skip
    image = pulled(old, reference)
    made = archived(old, image, tmp_path / "images")
    assert made.digest == old.view().images[image].digest
    assert restored(new, tmp_path / "images", image) == image
    assert restored(new, tmp_path / "images", image) == image, "twice is once"
    before, after = old.view(), new.view()
    assert after.images[image].digests == before.images[image].digests
    assert after.layers == before.layers, "ids, parents, diff-ids and the compressed blobs' digests"
    for key in ("manifest", f"sha256:{image}"):
        assert read_blob(new.path, image, key) == read_blob(old.path, image, key)
    assert new.record_problems(after.images[image]) == []
    assert all(new.content_digest(layer) == after.layers[layer].diff_id for layer in after.layers)
    # The tools see it whole, and a pull of the same image fetches nothing.
    put_names(new.path, {image: [reference]})
    assert not (new.path / "overlay" / after.chain(after.images[image].layer)[-1] / "diff/usr/share/gone").is_file()
    blobs = len(registry.blob_requests())
    argv = ["unshare", "-m", "--propagation", "private", "podman", "--root", str(new.path), "--runroot",
            str(new.runroot), "--storage-driver", "overlay"]  # fmt: skip
    subprocess.run([*argv, "pull", "--quiet", "--tls-verify=false", reference], check=True, capture_output=True)
    fetched = registry.blob_requests()[blobs:]
    manifest = json.loads(read_blob(new.path, image, "manifest"))
    assert not {layer["digest"] for layer in manifest["layers"]} & set(fetched)
    told = json.loads(subprocess.run([*argv, "image", "inspect", image], check=True, capture_output=True).stdout)
    assert told[0]["Digest"] == made.digest


def test_a_damaged_layout_is_not_taken_for_the_image(
    registry: Registry, stores: tuple[OwnedStore, OwnedStore], tmp_path: Path
) -> None:
    old, new = stores
    image = pulled(old, push_image(registry, "damaged/app", "1", LAYERS).reference)
    place = tmp_path / "images"
    made = archived(old, image, place)
    for piece in made.pieces:
        blob = place / "blobs/sha256" / piece.digest[7:]
        whole = blob.read_bytes()
        blob.write_bytes(whole[:-1] + bytes([whole[-1] ^ 1]))
        with pytest.raises(ImageUnavailable):
            restored(new, place, image)
        assert [each.target for each in ImageLayout(place, old.path).problems([made])][:1] == [image]
        assert new.view().by_digest(made.digest) is None
        blob.write_bytes(whole)
    assert restored(new, place, image) == image


def test_records_that_do_not_fit_are_refused(
    registry: Registry, stores: tuple[OwnedStore, OwnedStore], tmp_path: Path
) -> None:
    old, _ = stores
    image = pulled(old, push_image(registry, "fit/app", "1", LAYERS).reference)
    chain = old.view().chain(old.view().images[image].layer)
    own = read_blob(old.path, image, "manifest")
    token = old.view().token
    with pytest.raises(BadInput, match="layers"):
        put_manifest(old.path, image, chain[:1], own)
    with pytest.raises(Failed, match="not in the store"):
        put_manifest(old.path, ImageId("f" * 64), chain, own)
    put_manifest(old.path, image, chain, own)
    assert old.view().token == token, "nothing was changed, and nobody is told that anything was"
    images = old.path / "overlay-images/images.json"
    whole = images.read_bytes()
    images.write_bytes(b"[{}]")
    with pytest.raises(BadInput, match=r"images\.json"):
        put_names(old.path, {image: []})
    assert images.read_bytes() == b"[{}]"
    images.write_bytes(whole)
