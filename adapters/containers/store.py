"""The owned container store: podman makes and names, skopeo copies in and deletes, and what happened is read from disk.

Every call runs in a mount namespace of its own, since the overlay driver mounts the store over itself and would leave
that behind; and with a storage.conf of its own, so that what the machine configures for its other stores (additional
stores, a mount program) does not reach this one.
"""

import json
import os
import shutil
import threading
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from adapters.containers.backup_source import original_manifest
from adapters.containers.image_records import put_manifest, put_names
from adapters.containers.layer_content import content_digest
from adapters.containers.layer_mending import mend_layers
from adapters.containers.layer_surgery import link_problems, record_problems, swap_layers
from adapters.containers.records import read_blob, read_links, read_store
from adapters.containers.selinux import StoreLabels
from adapters.containers.skopeo import before_command, for_source, reason, require_files, skopeo_name
from adapters.files.replacing import sync_directory
from adapters.files.space import free_space, temporary_directory
from adapters.process import DEFAULT_TIMEOUT, TRANSFER_TIMEOUT, Result, Runner
from domain.errors import BadInput, Failed, ImageUnavailable, ProgramFailed, Refused
from domain.ports import FreeSpace, Progress, RegistryOptions, ResolvedImage
from domain.references import ImageReference
from domain.store_view import StoredImage, StoreView
from domain.values import Digest, ImageId, LayerId

_STORAGE_CONF = """\
[storage]
driver = "overlay"
graphroot = {root}
runroot = {runroot}
"""
# podman's own database goes to the runroot: left in the store it would bind the store to one runroot, and refuse every
# podman that comes with another.
_CONTAINERS_CONF = """\
[engine]
static_dir = {libpod}
tmp_dir = {tmp}
volume_path = {volumes}
"""


_MANY_S = 3600.0  # for deleting hundreds of images, on a slow disk


@dataclass(frozen=True, slots=True)
class OwnedStore:
    """Implements `domain.ports.ContainerStore`. `runroot` is outside the sysroot, and does not survive a boot."""

    path: Path
    runroot: Path
    runner: Runner

    def exists(self) -> bool:
        return (self.path / "overlay-images").is_dir() or (self.path / "overlay").is_dir()

    def create(self) -> None:
        """In a directory aside, renamed into place: podman is the first program to touch a store, and what it decides
        then (the network backend, say) is decided whole.
        """
        if self.exists():
            return
        aside = self.path.with_name(self.path.name + ".tmp")
        try:
            shutil.rmtree(aside, ignore_errors=True)  # what a crash left of an earlier try; it holds no image
            aside.parent.mkdir(parents=True, exist_ok=True)
            aside.mkdir(mode=0o700)
            self._podman(aside, "images", "--quiet")
            if self.path.is_dir():
                self.path.rmdir()  # an empty directory that somebody prepared; anything else is not ours to replace
            self.runner.run(["sync", "--file-system", aside])
            aside.rename(self.path)
            sync_directory(self.path.parent)
        except OSError as error:
            raise Failed(f"cannot make the container store {self.path}: {error.strerror}") from error

    def view(self) -> StoreView:
        """As domain.ports.ContainerStore.view; a store that is not there has nothing in it."""
        return read_store(self.path) if self.path.exists() else StoreView({}, {}, (), b"")

    def links(self, layers: Iterable[LayerId]) -> Mapping[LayerId, str]:
        return read_links(self.path, layers)

    def pull(self, image: ResolvedImage, registry: RegistryOptions, progress: Progress) -> ImageId:
        """As domain.ports.ContainerStore.pull."""
        present = self._whole(image)
        if present is None:
            self._copy(image, registry, progress)
            self._put_own_manifest(image)
            present = self._whole(image)
        if present is None:
            raise ImageUnavailable(
                f"{image.source}: skopeo reported success, but {image.digest} is not whole in the store",
                hint="does another program delete images there?",
            )
        return present.id

    def label(self) -> int:
        """As domain.ports.ContainerStore.label."""
        return StoreLabels(self.runner).apply(self.path)

    def room(self) -> tuple[FreeSpace, FreeSpace]:
        """As domain.ports.ContainerStore.room."""
        return free_space(self.path, "the container store"), free_space(temporary_directory(), "temporary files")

    def sync(self) -> None:
        """The library syncs its lists, but not the files of layers: after a power cut those could be empty."""
        self.runner.run(["sync", "--file-system", self.path], timeout=TRANSFER_TIMEOUT)

    def tag(self, image: ImageId, name: str) -> None:
        self._podman(self.path, "tag", image, name)

    def untag(self, image: ImageId, names: Sequence[str]) -> None:
        self._podman(self.path, "untag", image, *names)

    def put_names(self, names: Mapping[ImageId, Sequence[str]]) -> None:
        put_names(self.path, names)

    def record_problems(self, image: StoredImage) -> list[str]:
        return record_problems(self.path, image)

    def content_digest(self, layer: LayerId) -> Digest:
        return content_digest(self.path, layer)

    def with_files(self, layers: Iterable[LayerId]) -> Set[LayerId]:
        return {layer for layer in layers if (self.path / "overlay" / layer / "diff").is_dir()}

    def link_problems(self, view: StoreView, links: Mapping[LayerId, Set[str]]) -> list[tuple[LayerId, str]]:
        return link_problems(self.path, view, links)

    def restore_links(self, links: Mapping[LayerId, Set[str]]) -> None:
        """As domain.ports.ContainerStore.restore_links."""
        mend_layers(self.path, self.view(), links)

    def sweep(self) -> None:
        """As domain.ports.ContainerStore.sweep: the library does it whenever it opens a store for writing."""
        self._podman(self.path, "images", "--quiet")

    def replace_damaged(
        self, image: ResolvedImage, layers: Sequence[LayerId], registry: RegistryOptions, progress: Progress
    ) -> Path:
        """As domain.ports.ContainerStore.replace_damaged."""
        # Beside the store, so that moving is renaming; and under a short name, which podman's runroot needs.
        aside = OwnedStore(self.path.with_name("healing"), self.runroot / "healing", self.runner)
        shutil.rmtree(aside.path, ignore_errors=True)
        aside.path.mkdir(mode=0o700)
        try:
            fetched = aside.pull(image, registry, progress)
            aside.sync()
            return swap_layers(aside.path, self.path, fetched, layers)
        finally:
            shutil.rmtree(aside.path, ignore_errors=True)
            shutil.rmtree(aside.runroot, ignore_errors=True)

    def delete(self, image: ImageId) -> None:
        """As domain.ports.ContainerStore.delete."""
        if image not in self.view().images:
            return
        result = self._skopeo("delete", f"{self._storage()}@{image}")
        if result.code == 0:
            return
        words = reason(result)
        if image not in self.view().images:
            # The record goes first; what is left of the layers is marked, and goes when the store is next written.
            raise ProgramFailed(f"image {image[:12]} is gone, but not all of its layers: {words}", hint=_LEFT)
        if "in use" in words or "used by" in words:
            raise Refused(
                f"image {image[:12]} is in use by a container of the store itself: {words}",
                hint=f"'podman --root {self.path} ps --all --external' lists them",
            )
        raise ProgramFailed(f"cannot delete image {image[:12]}: {words}")

    def _put_own_manifest(self, image: ResolvedImage) -> None:
        """An image from a backup came with the backup's manifest: give it its own."""
        identity = ImageId(image.config_digest.removeprefix("sha256:"))
        stored = self.view().images.get(identity)
        if stored is not None and not isinstance(image.source, ImageReference):
            own = original_manifest(image.source, read_blob(self.path, identity, "manifest"))
            if own is not None:
                put_manifest(self.path, identity, self.view().chain(stored.layer), own)

    def delete_all(self, images: Sequence[ImageId]) -> None:
        """As domain.ports.ContainerStore.delete_all: one podman for nearly all of them, skopeo for what that leaves.

        podman removes an image's parents along with it where they have no name: only where everything that stays has
        one is it let near the store. An image with several names it does not remove without being forced.
        """
        view = self.view()
        going = {image for image in images if image in view.images}
        plain = [image for image in images if image in going and len(view.images[image].names) <= 1]
        complaint = ""
        if len(plain) > 1 and all(image.names for image in view.images.values() if image.id not in going):
            result = self._podman(self.path, "image", "rm", *plain, check=False, timeout=_MANY_S)
            complaint = result.complaint if result.code else ""
        left = self.view().images
        for image in images:
            if image in left:
                self.delete(image)
        if complaint:
            self._require_layers_gone(view, plain, complaint)

    def _require_layers_gone(self, before: StoreView, images: Sequence[ImageId], complaint: str) -> None:
        """Podman takes the image's record first: that it is gone does not say that all of its layers are."""
        now = self.view()
        left = now.layers.keys() - now.used_layers()
        below = {now.layers[layer].parent for layer in left}  # they only stay because of the ones above them
        for image in images:
            if (left - below) & set(before.chain(before.images[image].layer)):
                raise ProgramFailed(f"image {image[:12]} is gone, but not all of its layers: {complaint}", hint=_LEFT)

    def _whole(self, wanted: ResolvedImage) -> StoredImage | None:
        """The image with that digest, if every layer of it is there, complete, and the one that its config names."""
        view = self.view()
        image = view.by_digest(wanted.digest)
        if image is None:
            return None
        chain = [view.layers[layer] for layer in view.chain(image.layer)]
        found = [layer.diff_id for layer in chain]
        whole = all(layer.complete for layer in chain) and found == self._diff_ids(image, wanted.config_digest)
        return image if whole else None

    def _diff_ids(self, image: StoredImage, config: Digest) -> list[Digest]:
        try:
            document = json.loads(read_blob(self.path, image.id, config))
            return list(document["rootfs"]["diff_ids"])
        except (ValueError, KeyError, TypeError) as error:
            raise BadInput(f"the config {config} of image {image.id[:12]} does not parse") from error

    def _copy(self, image: ResolvedImage, registry: RegistryOptions, progress: Progress) -> None:
        require_files(registry)
        if isinstance(image.source, ImageReference):
            pulled = image.source.at(image.digest)
            source, destination = skopeo_name(pulled), f"{self._storage()}{pulled}"
        else:
            # Another transport: no name is given, the image's id is its config's digest.
            source, destination = str(image.source), f"{self._storage()}@{image.config_digest.removeprefix('sha256:')}"
        try:
            result = self._skopeo(
                *before_command(registry), "copy", *for_source(registry, "src-"), source, destination,
                timeout=TRANSFER_TIMEOUT, transfers=True, on_line=lambda line: progress(f"{image.source}: {line}"),
            )  # fmt: skip
        except ProgramFailed as error:
            raise ImageUnavailable(f"{image.source}: {error.message}", hint=error.hint or _HINT) from error
        if result.code:
            raise ImageUnavailable(f"{image.source}: {reason(result)}", hint=_HINT)

    def _storage(self) -> str:
        return f"containers-storage:[overlay@{self.path}+{self.runroot}]"

    def _skopeo(
        self, *words: str, timeout: float = 600.0, transfers: bool = False, on_line: Progress | None = None
    ) -> Result:
        return self.runner.run(
            ["skopeo", *words], timeout=timeout, private_mounts=True, check=False, transfers=transfers,
            on_line=on_line, environment=self._environment(self.path),
        )  # fmt: skip

    def _podman(self, root: Path, *words: str, check: bool = True, timeout: float = DEFAULT_TIMEOUT) -> Result:
        # No --root: that would override where the database goes. The storage.conf says it.
        return self.runner.run(
            ["podman", *words], private_mounts=True, environment=self._environment(root), check=check, timeout=timeout
        )

    def _environment(self, root: Path) -> dict[str, str]:
        """The runroot and the store's own configuration in it, made when first needed: it goes with every boot."""
        place = self.runroot if root == self.path else self.runroot / root.name
        paths = {"root": root, "runroot": place, "libpod": place / "libpod", "tmp": place / "tmp",
                 "volumes": place / "volumes"}  # fmt: skip
        # JSON's strings are TOML's, but for DEL.
        values = {name: json.dumps(str(path)) for name, path in paths.items()}
        try:
            for directory in (self.runroot.parent, self.runroot, place):
                directory.mkdir(mode=0o700, exist_ok=True)
            storage = _written(place / "storage.conf", _STORAGE_CONF.format(**values))
            containers = _written(place / "containers.conf", _CONTAINERS_CONF.format(**values))
        except OSError as error:
            raise Failed(f"cannot make {self.runroot}: {error.strerror}", hint="run this as root") from error
        return {"CONTAINERS_STORAGE_CONF": str(storage), "CONTAINERS_CONF": str(containers)}


def _written(path: Path, text: str) -> Path:
    if not path.exists() or path.read_text() != text:
        aside = path.with_name(f"{path.name}.{os.getpid()}.{threading.get_ident()}")
        aside.write_text(text)
        aside.replace(path)
    return path


_LEFT = "mend what the message says; the next 'storectl gc' goes on"
_HINT = "nothing was deployed; is the registry up, and the disk not full?"
