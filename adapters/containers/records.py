"""A containers-storage instance (overlay driver) read from its files, without the storage library and without locks.

The library replaces its JSON files by renaming, and writes 64 fresh bytes into a lock file when it has changed what
the lock guards: a read between two equal sets of those tokens saw one state. Layout: containers/storage, `layers.go`,
`images.go`, `containers.go`, `drivers/overlay/overlay.go`.
"""

import base64
import hashlib
import json
import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, TypeVar

from domain.errors import BadInput, Busy, Failed, StoreError, UnknownFormat
from domain.store_view import StoredContainer, StoredImage, StoredLayer, StoreView
from domain.values import Digest, ImageId, LayerId, parse_digest, parse_hex64

_LOCKS = ("overlay-layers/layers.lock", "overlay-images/images.lock", "overlay-containers/containers.lock")
_TOKEN_BYTES = 64
_MAX_JSON = 256 * 1024 * 1024  # 50,000 layers take about 20 MB
_MAX_BLOB = 8 * 1024 * 1024  # a manifest or a config
_TRIES = 40
_PAUSE_S = 0.05
_PLAIN_KEY = frozenset("0123456789abcdefghijklmnopqrstuvwxyz.")
_LINK = frozenset("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ")

T = TypeVar("T")
Record = Mapping[str, Any]


def read_store(root: Path) -> StoreView:
    """All images, layers and containers of the store at `root`; a store that was never used has none.

    Raises BadInput for a record that does not make sense (naming file and entry), UnknownFormat for another driver,
    Failed for a file that cannot be read, Busy if other programs change the store faster than it can be read.
    """
    if not root.is_dir():
        raise Failed(f"there is no container store at {root}", hint="'storectl init' makes one")
    _refuse_other_drivers(root)
    problem: StoreError | None = None
    for attempt in range(_TRIES):
        if attempt:
            time.sleep(_PAUSE_S)
        token = read_token(root)
        try:
            view = StoreView(_images(root), _layers(root), tuple(_containers(root)), token)
        except BadInput as error:
            problem = error  # believed only if nobody was writing meanwhile
        else:
            problem = None
        if read_token(root) == token:
            if problem is not None:
                raise problem
            return view
    raise problem or Busy(f"the container store {root} keeps changing", hint="try again when podman there has finished")


def read_token(root: Path) -> bytes:
    """Changes whenever images, layers or containers of the store do."""
    return hashlib.sha256(b"".join(_lock_state(root / name) for name in _LOCKS)).digest()


def read_links(root: Path, layers: Iterable[LayerId]) -> dict[LayerId, str]:
    """The link name of each layer that has one."""
    found = {}
    for layer in layers:
        try:
            text = (root / "overlay" / layer / "link").read_text("ascii").strip()
        except (OSError, UnicodeDecodeError):
            continue
        if text and set(text) <= _LINK:
            found[layer] = text
    return found


def read_blob(root: Path, image: ImageId, key: str) -> bytes:
    """A manifest or config that the store keeps with an image (`manifest`, `manifest-sha256:…`, `sha256:…`)."""
    path = root / "overlay-images" / image / blob_file_name(key)
    try:
        with _opened(path) as file:
            data = file.read(_MAX_BLOB + 1)
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
    if len(data) > _MAX_BLOB:
        raise BadInput(f"{path} has more than {_MAX_BLOB} bytes")
    return data


def blob_file_name(key: str) -> str:
    """Keys with a character beyond `[.0-9a-z]` are stored under `=` and their base64."""
    return key if set(key) <= _PLAIN_KEY else "=" + base64.b64encode(key.encode()).decode()


def _refuse_other_drivers(root: Path) -> None:
    names = {entry.name for entry in os.scandir(root)}
    others = sorted(
        name.removesuffix("-images") for name in names if name.endswith("-images") and name != "overlay-images"
    )
    if others and "overlay-images" not in names:
        raise UnknownFormat(
            f"the container store {root} is on the storage driver {others[0]!r}; storectl knows overlay",
            hint="move the images to a store with the overlay driver",
        )


def _lock_state(path: Path) -> bytes:
    try:
        with _opened(path) as file:
            return file.read(_TOKEN_BYTES) or b"empty"
    except FileNotFoundError:
        return b"none"
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}", hint="run this as root") from error


def _images(root: Path) -> dict[ImageId, StoredImage]:
    path = root / "overlay-images/images.json"
    return {image.id: image for image in _records(path, _image)}


def _layers(root: Path) -> dict[LayerId, StoredLayer]:
    layers = {}
    for name in ("layers.json", "volatile-layers.json"):
        for layer in _records(root / "overlay-layers" / name, _layer):
            layers[layer.id] = layer
    return layers


def _containers(root: Path) -> Iterator[StoredContainer]:
    for name in ("containers.json", "volatile-containers.json"):
        yield from _records(root / "overlay-containers" / name, _container)


def _records(path: Path, read: Callable[[Record], T]) -> list[T]:
    """Every entry of a JSON list; none where the file is missing or empty."""
    try:
        with _opened(path) as file:
            data = file.read(_MAX_JSON + 1)
    except FileNotFoundError:
        return []
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}", hint="run this as root") from error
    if len(data) > _MAX_JSON:
        raise BadInput(f"{path} has more than {_MAX_JSON} bytes")
    try:
        document = json.loads(data) if data else None
    except (ValueError, RecursionError) as error:
        raise BadInput(f"{path} does not parse: {error}", hint=_REPAIR) from error
    if document is None:
        return []
    if not isinstance(document, list):
        raise BadInput(f"{path} is not a list", hint=_REPAIR)
    return [_record(path, number, item, read) for number, item in enumerate(document)]


def _record(path: Path, number: int, item: object, read: Callable[[Record], T]) -> T:
    try:
        if not isinstance(item, dict):
            raise BadInput("not an object")
        return read(item)
    except (StoreError, TypeError, ValueError, AttributeError) as error:
        message = error.message if isinstance(error, StoreError) else str(error)
        raise BadInput(f"{path}, entry {number}: {message}", hint=_REPAIR) from error


_REPAIR = "nothing was changed; podman's 'system check' looks at such a store, a backup brings it back"


def _image(item: Record) -> StoredImage:
    digest = _optional_digest(item.get("digest"))
    kept = item.get("big-data-digests") or {}
    manifests = [
        parse_digest(value) for key, value in sorted(kept.items()) if key == "manifest" or key.startswith("manifest-")
    ]
    digests = tuple(dict.fromkeys([*([digest] if digest else []), *manifests]))
    return StoredImage(
        ImageId(parse_hex64(_text(item, "id"), "an image id")), digest or (digests[0] if digests else None), digests,
        _strings(item.get("names")), _optional_layer(item.get("layer")),
        tuple(LayerId(parse_hex64(layer, "a layer id")) for layer in _strings(item.get("mapped-layers"))),
    )  # fmt: skip


def _layer(item: Record) -> StoredLayer:
    flags = item.get("flags") or {}
    size = item.get("diff-size", 0)
    if type(size) is not int or not isinstance(flags, dict):
        raise BadInput("its diff-size or flags make no sense")
    return StoredLayer(
        LayerId(parse_hex64(_text(item, "id"), "a layer id")), _optional_layer(item.get("parent")),
        _optional_digest(item.get("diff-digest")), _optional_digest(item.get("compressed-diff-digest")),
        max(size, 0), not flags.get("incomplete", False),
    )  # fmt: skip


def _container(item: Record) -> StoredContainer:
    image = item.get("image")
    return StoredContainer(
        _text(item, "id"), _strings(item.get("names")),
        ImageId(parse_hex64(str(image), "an image id")) if image else None, _optional_layer(item.get("layer")),
    )  # fmt: skip


def _text(item: Record, name: str) -> str:
    value = item.get(name)
    if not isinstance(value, str) or not value:
        raise BadInput(f"it has no {name!r}")
    return value


def _strings(value: object) -> tuple[str, ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise BadInput("a list of names is expected")
    return tuple(value)


def _optional_layer(value: object) -> LayerId | None:
    return LayerId(parse_hex64(str(value), "a layer id")) if value else None


def _optional_digest(value: object) -> Digest | None:
    return parse_digest(str(value)) if value else None


def _opened(path: Path) -> BinaryIO:
    """A regular file of the store, opened for reading; a symbolic link would lead somewhere else."""
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK), "rb")
