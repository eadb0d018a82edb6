"""A layer's content as the tar stream that it came from, read back from the store.

containers-storage keeps, beside a layer's files, how its tar was put together (`overlay-layers/<id>.tar-split.gz`,
github.com/vbatts/tar-split): JSON lines, each either bytes of the archive as they were (type 2) or the name of a file
whose content comes next (type 1). Put together again they have the layer's diff-id, or the layer is damaged.
"""

import base64
import gzip
import hashlib
import json
import os
import stat
import zlib
from collections.abc import Iterator
from pathlib import Path

from domain.errors import BadInput
from domain.values import Digest, LayerId

_FILE, _SEGMENT = 1, 2
_MAX_LINE = 16 * 1024 * 1024
_CHUNK = 1024 * 1024


def content_digest(root: Path, layer: LayerId) -> Digest:
    """The digest of the layer's tar stream as its files are now. Raises BadInput where it cannot be put together."""
    digest = hashlib.sha256()
    for chunk in layer_stream(root, layer):
        digest.update(chunk)
    return Digest("sha256:" + digest.hexdigest())


def layer_stream(root: Path, layer: LayerId) -> Iterator[bytes]:
    """The layer's tar stream, chunk by chunk. Raises BadInput where it cannot be put together."""
    diff = root / "overlay" / layer / "diff"
    try:
        descriptor = os.open(diff, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            for entry in _entries(root / "overlay-layers" / f"{layer}.tar-split.gz"):
                yield from _bytes(entry, descriptor)
        finally:
            os.close(descriptor)
    except (OSError, EOFError, zlib.error, ValueError, KeyError, TypeError) as error:
        raise BadInput(f"layer {layer[:12]} cannot be read back: {error}") from error


def _entries(path: Path) -> Iterator[dict[str, object]]:
    with gzip.open(path, "rb") as file:
        while line := file.readline(_MAX_LINE):
            entry = json.loads(line)
            if not isinstance(entry, dict):
                raise ValueError("its tar-split record is not an object")
            yield entry


def _bytes(entry: dict[str, object], diff: int) -> Iterator[bytes]:
    if entry["type"] == _SEGMENT:
        yield base64.b64decode(str(entry.get("payload") or ""))
    elif entry["type"] == _FILE and entry.get("size"):
        raw = entry.get("name_raw")
        name = base64.b64decode(str(raw)) if raw else str(entry["name"]).encode()
        left = int(str(entry["size"]))
        with os.fdopen(_open_below(diff, name), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise ValueError(f"{name!r} is not a regular file")
            while left:
                chunk = file.read(min(_CHUNK, left))
                if not chunk:
                    raise ValueError(f"{name!r} is shorter than it was")
                left -= len(chunk)
                yield chunk


def _open_below(directory: int, name: bytes) -> int:
    """A file of the layer; no link in the way is followed, and nothing above the layer can be reached."""
    current = os.dup(directory)
    parts = [part for part in name.split(b"/") if part not in (b"", b".")]
    if b".." in parts or not parts:
        raise ValueError(f"{name!r} is not a name inside the layer")
    for number, part in enumerate(parts):
        kind = os.O_DIRECTORY if number < len(parts) - 1 else os.O_NONBLOCK
        try:
            following = os.open(part, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | kind, dir_fd=current)
        finally:
            os.close(current)
        current = following
    return current
