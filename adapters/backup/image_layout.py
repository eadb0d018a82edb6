"""The images of a backup: one OCI image layout (image-layout.md of the OCI image specification), blobs shared.

containers-storage keeps layers unpacked and the original manifest; the compressed blobs that this manifest names are
gone, and compressing again gives others. So a layer is kept as the tar that its diff-id names, and the layout has a
manifest of its own over these, which any OCI tool can read. The original manifest lies beside it as a blob, and comes
back into the store with the image (docs/decisions/0011-a-backup-keeps-plain-layers-and-the-original-manifest.md).
"""

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

from adapters.backup.files import hashed, sync_directory, write_whole
from adapters.containers.layer_content import layer_stream
from adapters.containers.records import read_blob
from domain.archive_ports import Progress
from domain.backups import (
    ArchivedImage,
    Lacking,
    Piece,
    format_index,
    piece_of,
    uncompressed_manifest,
)
from domain.errors import BadInput, Failed, StoreError
from domain.manifests import ImageManifest, digest_of, parse_manifest
from domain.store_view import StoredImage, StoreView
from domain.values import Digest, ImageId, LayerId

_MARKER = b'{"imageLayoutVersion": "1.0.0"}\n'


class ImageLayout:
    """Implements `domain.archive_ports.ImageArchive` below `path`, from the owned store at `store`."""

    def __init__(self, path: Path, store: Path) -> None:
        self.path = path
        self._store = store
        self.written = 0
        self._whole: set[Digest] = set()  # hashed in this run: not again for each image that shares it

    def add(self, image: StoredImage, view: StoreView, progress: Progress) -> ArchivedImage:
        """As domain.archive_ports.ImageArchive.add."""
        self._prepare()
        original = read_blob(self._store, image.id, "manifest")
        if digest_of(original) not in image.digests:
            raise BadInput(f"the manifest that the store keeps of image {image.id[:12]} is not what its digest says")
        config = read_blob(self._store, image.id, f"sha256:{image.id}")
        pieces = [self._have_bytes(original), self._have_bytes(config)]
        if pieces[1].digest != f"sha256:{image.id}":
            raise BadInput(f"the config that the store keeps of image {image.id[:12]} is not what its id says")
        layers = [self._have_layer(layer, view, progress) for layer in view.chain(image.layer)]
        manifest = self._have_bytes(uncompressed_manifest(pieces[1], layers, pieces[0].digest))
        sync_directory(self._blobs)
        return ArchivedImage(image.id, pieces[0].digest, manifest, (*pieces, manifest, *layers))

    def write_index(self, images: Sequence[ArchivedImage]) -> None:
        """Let the layout name these images, each by its id, as far as it has their manifests."""
        self._prepare()
        data = format_index([image for image in images if hashed(self._blob(image.manifest.digest)) == image.manifest])
        index = self.path / "index.json"
        if not index.exists() or index.read_bytes() != data:
            self.written += write_whole(index, [data]).bytes
            sync_directory(self.path)

    def problems(self, images: Sequence[ArchivedImage]) -> list[Lacking]:
        """As domain.archive_ports.ImageArchive.problems; the layout's own files, too."""
        found = []
        for image in images:
            for piece in image.pieces:
                problem = self._problem(piece)
                if problem:
                    found.append(Lacking(image.id, f"blob {piece.digest} of image {image.id[:12]} {problem}"))
        if images:
            found += [Lacking("images", words) for words in self._index_problems(images)]
        return found

    def _index_problems(self, images: Sequence[ArchivedImage]) -> Iterator[str]:
        if _read(self.path / "oci-layout") != _MARKER:
            yield f"{self.path}/oci-layout is missing or was changed"
        data = _read(self.path / "index.json")
        try:
            entries = json.loads(data)["manifests"]
            listed = {entry["annotations"]["org.opencontainers.image.ref.name"]: entry["digest"] for entry in entries}
            others = [self._listed(name, digest) for name, digest in listed.items()]
        except (StoreError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            yield f"{self.path}/index.json does not parse: {error}"
            return
        # Also what a run that was cut off listed already: then its manifest is there.
        if format_index(others) != data:
            yield f"{self.path}/index.json was changed"
        for image in images:
            if listed.get(image.id) != image.manifest.digest:
                yield f"{self.path}/index.json does not list image {image.id[:12]}"

    def _listed(self, name: str, digest: str) -> ArchivedImage:
        manifest = _read(self.path / "blobs/sha256" / digest.removeprefix("sha256:"))
        parsed = parse_manifest(manifest)
        if not isinstance(parsed, ImageManifest) or parsed.digest != digest or parsed.config != f"sha256:{name}":
            raise BadInput(f"its entry {name[:12]} does not lead to that image")
        return ArchivedImage(ImageId(name), Digest(digest), piece_of(manifest), ())

    def _problem(self, piece: Piece) -> str:
        if piece.digest in self._whole:
            return ""
        try:
            found = hashed(self._blob(piece.digest))
        except Failed as error:
            return f"cannot be read: {error.message}"
        if found is None:
            return "is missing"
        if found != piece:
            return f"was changed: it is {found.digest} now, of {found.bytes} bytes"
        self._whole.add(piece.digest)
        return ""

    def _have_layer(self, layer: LayerId, view: StoreView, progress: Progress) -> Piece:
        diff_id = view.layers[layer].diff_id
        if diff_id is None:
            raise BadInput(f"the store does not record the diff-id of layer {layer[:12]}")
        there = hashed(self._blob(diff_id))
        if there is not None and there.digest == diff_id:
            self._whole.add(diff_id)
            return there
        progress(f"layer {layer[:12]}")
        try:
            return self._written(diff_id, layer_stream(self._store, layer))
        except StoreError as error:
            raise BadInput(f"layer {layer[:12]} ({diff_id}) cannot be read as it was: {error.message}") from error

    def _have_bytes(self, data: bytes) -> Piece:
        piece = piece_of(data)
        return piece if hashed(self._blob(piece.digest)) == piece else self._written(piece.digest, [data])

    def _written(self, digest: Digest, chunks: Iterator[bytes] | list[bytes]) -> Piece:
        piece = write_whole(self._blob(digest), chunks, digest)
        self.written += piece.bytes
        return piece

    def _prepare(self) -> None:
        try:
            self._blobs.mkdir(parents=True, mode=0o700, exist_ok=True)
        except OSError as error:
            raise Failed(f"cannot make {self._blobs}: {error.strerror}") from error
        if _read(self.path / "oci-layout") != _MARKER:
            self.written += write_whole(self.path / "oci-layout", [_MARKER]).bytes

    @property
    def _blobs(self) -> Path:
        return self.path / "blobs/sha256"

    def _blob(self, digest: Digest) -> Path:
        return self._blobs / digest.removeprefix("sha256:")


def _read(path: Path) -> bytes:
    """A small file's bytes; empty where there is none."""
    try:
        with path.open("rb") as file:
            return file.read(8 * 1024 * 1024)
    except (FileNotFoundError, NotADirectoryError):
        return b""
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
