"""A backup's own records: what one generation consists of, and the OCI manifest under which an image lies in it.

docs/reference/backup-layout.md describes the directory. Everything in a backup is named by a hash that stands in its
generation's `backup.json`, and that file's own hash stands beside it.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from domain.errors import BadInput, StoreError, UnknownFormat
from domain.manifests import digest_of
from domain.values import Commit, Digest, ImageId, parse_digest, parse_hex64

FORMAT = "storectl-backup/1"
ORIGINAL = "storectl.original-manifest"
"""The annotation that names the manifest by which registries know the image."""

_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
_REF_NAME = "org.opencontainers.image.ref.name"


@dataclass(frozen=True, slots=True)
class Piece:
    """A file or blob: its SHA-256 digest and its length."""

    digest: Digest
    bytes: int


@dataclass(frozen=True, slots=True)
class ArchivedImage:
    """An image in the backup's OCI layout. `digest` is the manifest by which registries know it; `manifest` is the one
    that the layout has for it, with uncompressed layers; `pieces` are all blobs, these two and the config among them.
    """

    id: ImageId
    digest: Digest
    manifest: Piece
    pieces: tuple[Piece, ...]


@dataclass(frozen=True, slots=True)
class Lacking:
    """Something that the log needs and the backup could not read, in words."""

    target: str
    detail: str


@dataclass(frozen=True, slots=True)
class Generation:
    """One run of `backup`: the log up to `size`, and, with `content`, all that its graph needs."""

    number: int
    time: str
    store: str
    origin: str
    vkey: str
    size: int
    root_hash: str
    content: bool
    files: Mapping[str, Piece]
    images: tuple[ArchivedImage, ...]
    commits: tuple[Commit, ...]
    lacking: tuple[Lacking, ...]


def format_generation(generation: Generation) -> bytes:
    """The one encoding of a generation: `backup.json`."""
    return _encoded({"format": FORMAT, **asdict(generation)})


def parse_generation(data: bytes) -> Generation:
    """The reverse of `format_generation`. Raises BadInput; UnknownFormat for a later format."""
    try:
        document = json.loads(data)
        if not isinstance(document, dict):
            raise BadInput("it is not an object")
        if document.get("format") != FORMAT:
            raise UnknownFormat(f"its format is {document.get('format')!r}; this program knows {FORMAT!r}")
        generation = _generation(document)
    except (KeyError, TypeError, ValueError, RecursionError) as error:
        raise BadInput(f"it does not parse: {error}") from error
    if format_generation(generation) != data:
        raise BadInput("it is not in its canonical form")
    return generation


def _generation(said: Mapping[str, Any]) -> Generation:
    return Generation(
        int(said["number"]), _text(said["time"]), _text(said["store"]), _text(said["origin"]), _text(said["vkey"]),
        int(said["size"]), _text(said["root_hash"]), bool(said["content"]),
        {_text(name): _piece(piece) for name, piece in said["files"].items()},
        tuple(_archived(item) for item in said["images"]),
        tuple(Commit(parse_hex64(_text(item), "a commit")) for item in said["commits"]),
        tuple(Lacking(_text(item["target"]), _text(item["detail"])) for item in said["lacking"]),
    )  # fmt: skip


def _archived(said: Mapping[str, Any]) -> ArchivedImage:
    return ArchivedImage(
        ImageId(parse_hex64(_text(said["id"]), "an image id")), parse_digest(_text(said["digest"])),
        _piece(said["manifest"]), tuple(map(_piece, said["pieces"])),
    )  # fmt: skip


def _piece(said: Mapping[str, Any]) -> Piece:
    if type(said["bytes"]) is not int:
        raise BadInput("a length is no number")
    return Piece(parse_digest(_text(said["digest"])), said["bytes"])


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise BadInput(f"a text is expected, not {value!r}")
    return value


def uncompressed_manifest(config: Piece, layers: Sequence[Piece], original: Digest) -> bytes:
    """The OCI manifest of the image with its layers as plain tars, each under its diff-id: any OCI tool can read it."""
    return _encoded({
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _descriptor(_CONFIG, config),
        "layers": [_descriptor(_LAYER, layer) for layer in layers],
        "annotations": {ORIGINAL: original},
    })  # fmt: skip


def original_of(manifest: bytes) -> Digest | None:
    """The digest that a manifest of a backup names as the image's own; None for any other manifest."""
    try:
        document = json.loads(manifest)
        annotations = document.get("annotations") if isinstance(document, dict) else None
        named = annotations.get(ORIGINAL) if isinstance(annotations, dict) else None
        return parse_digest(named) if isinstance(named, str) else None
    except (ValueError, RecursionError, StoreError):
        return None


def format_index(images: Sequence[ArchivedImage]) -> bytes:
    """The layout's `index.json`: one entry an image, its id as the reference name."""
    by_id = {image.id: image for image in images}
    return _encoded({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [
            _descriptor(_MANIFEST, by_id[name].manifest) | {"annotations": {_REF_NAME: name}} for name in sorted(by_id)
        ],
    })  # fmt: skip


def _descriptor(media_type: str, piece: Piece) -> dict[str, object]:
    return {"mediaType": media_type, "digest": piece.digest, "size": piece.bytes}


def piece_of(data: bytes) -> Piece:
    """The name of these bytes."""
    return Piece(digest_of(data), len(data))


def _encoded(document: object) -> bytes:
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False).encode() + b"\n"
