"""What a store's own records say of an image, put right after it came back from a backup.

skopeo records the manifest that it was given, and a backup's has plain layers. The store then gets the image's own
manifest again, under which registries know it, and its layers the digests of the compressed blobs, by which the next
pull sees that it has them. Names that podman cannot give (`repo@digest`) are given here, too.

Written as the storage library writes (images.go, layers.go): under its lock, the JSON file replaced whole, then a new
last-writer token in the lock file, so that every other program reads it again.
"""

import fcntl
import json
import os
import struct
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from adapters.containers.records import blob_file_name
from domain.errors import BadInput, Busy, Failed
from domain.manifests import digest_of
from domain.values import Digest, ImageId, LayerId

_FLOCK = struct.Struct("hhqqi4x")  # struct flock on 64-bit Linux: type, whence, start, len, pid
_TOKEN_BYTES = 64
_WAIT_S = 60.0
_COMPRESSIONS = {"+gzip": 2, ".gzip": 2, "+zstd": 4}  # containers/storage pkg/archive, Compression

Document = list[dict[str, Any]]


def put_manifest(root: Path, image: ImageId, layers: Sequence[LayerId], manifest: bytes) -> None:
    """Let this be the image's manifest, and the only one; `layers` are its layers' ids, the base first.

    Idempotent. Raises BadInput for a manifest that does not fit, Busy, Failed.
    """
    digest = digest_of(manifest)
    described = json.loads(manifest).get("layers") or []
    if len(described) != len(layers):
        raise BadInput(f"the manifest {digest} has {len(described)} layers, and image {image[:12]} {len(layers)}")
    by_layer = dict(zip(layers, described, strict=True))

    def layer_records(records: Document) -> None:
        for record in records:
            blob = by_layer.get(record["id"])
            if blob is not None:
                media_type = str(blob.get("mediaType", ""))
                record["compressed-diff-digest"], record["compressed-size"] = blob["digest"], blob["size"]
                kinds = [kind for end, kind in _COMPRESSIONS.items() if media_type.endswith(end)]
                record["compression"] = kinds[0] if kinds else 0

    def image_records(records: Document) -> None:
        record = _find(records, image)
        place = root / "overlay-images" / image
        for key, data in (("manifest", manifest), (f"manifest-{digest}", manifest), (_signature(digest), b"")):
            _write(place / blob_file_name(key), data)
        former = [key for key in record["big-data-names"] if key.startswith(("manifest", "signature-"))]
        kept = [key for key in record["big-data-names"] if key not in former]
        record["big-data-names"] = [*kept, f"manifest-{digest}", "manifest", _signature(digest)]
        sizes, digests = record["big-data-sizes"], record["big-data-digests"]
        for key in former:
            sizes.pop(key, None)
            digests.pop(key, None)
        for key in (f"manifest-{digest}", "manifest"):
            sizes[key], digests[key] = len(manifest), digest
        sizes[_signature(digest)], digests[_signature(digest)] = 0, digest_of(b"")
        record["digest"] = digest
        record["metadata"] = json.dumps({"signatures-sizes": {digest: []}}, separators=(",", ":"))

    _change(root, "overlay-layers", "layers", layer_records)
    _change(root, "overlay-images", "images", image_records)
    _forget_former(root, image, digest)


def put_names(root: Path, names: Mapping[ImageId, Sequence[str]]) -> None:
    """Let images have exactly these names; a name that another image has is taken from it. Raises Busy, Failed."""
    taken = {name for each in names.values() for name in each}

    def image_records(records: Document) -> None:
        for record in records:
            kept = [name for name in record.get("names") or () if name not in taken]
            record["names"] = list(names.get(record["id"], kept))

    _change(root, "overlay-images", "images", image_records)


def _find(records: Document, image: ImageId) -> dict[str, Any]:
    for record in records:
        if record["id"] == image:
            return record
    raise Failed(f"image {image[:12]} is not in the store", hint="does another program delete images there?")


def _signature(digest: Digest) -> str:
    return f"signature-{digest.removeprefix('sha256:')}"


def _forget_former(root: Path, image: ImageId, digest: Digest) -> None:
    """The files of manifests that the record names no longer."""
    kept = {blob_file_name(key) for key in ("manifest", f"manifest-{digest}", _signature(digest), f"sha256:{image}")}
    for path in (root / "overlay-images" / image).iterdir():
        if path.name not in kept and path.is_file():
            path.unlink()


def _change(root: Path, directory: str, name: str, change: Callable[[Document], None]) -> None:
    path = root / directory / f"{name}.json"
    try:
        with _locked(root / directory / f"{name}.lock") as lock:
            text = path.read_text("utf-8") if path.exists() else "[]"
            records = json.loads(text)
            change(records)
            changed = json.dumps(records, separators=(",", ":"))
            if records != json.loads(text):
                _write(path, changed.encode())
                os.pwrite(lock, os.urandom(_TOKEN_BYTES), 0)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadInput(f"{path} does not parse: {error!r}") from error
    except OSError as error:
        raise Failed(f"cannot change {path}: {error.strerror}", hint="is there room left?") from error


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".tmp-{path.name[:100]}")
    descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        os.fsync(descriptor)
    aside.replace(path)


@contextmanager
def _locked(path: Path) -> Iterator[int]:
    """The library's own lock, held for as long as it takes to replace a file."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
    deadline = time.monotonic() + _WAIT_S
    try:
        while True:
            try:
                fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
                break
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    raise Busy(f"another program holds {path}", hint="try again when it is done") from None
                time.sleep(0.02)
        yield descriptor
    finally:
        os.close(descriptor)
