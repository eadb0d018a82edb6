"""Image manifests and indexes, as registries serve them (OCI image spec 1.1; Docker image manifest v2, schema 2).

A manifest's digest is the SHA-256 of its bytes as served: they are hashed before they are parsed.
"""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from domain.errors import BadInput, StoreError
from domain.ports import Blob
from domain.values import Digest, parse_digest

MAX_BYTES = 4 * 1024 * 1024  # what registries and containers/image accept
_LISTS = {
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
}
_IMAGES = {
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v2+json",
}


@dataclass(frozen=True, slots=True)
class Platform:
    """As OCI names them: `linux`, `arm64`, `v8`."""

    os: str
    architecture: str
    variant: str = ""


@dataclass(frozen=True, slots=True)
class ImageManifest:
    """One image: its own digest, its config's, and its layers from the base up."""

    digest: Digest
    config: Digest
    layers: tuple[Blob, ...]


@dataclass(frozen=True, slots=True)
class ManifestList:
    """Images for several platforms, under one digest."""

    digest: Digest
    instances: tuple[tuple[Platform, Digest], ...]

    def choose(self, platform: Platform) -> Digest:
        """The instance for a platform: its variant exactly, else any of its architecture. Raises BadInput."""
        fitting = [
            (found, digest)
            for found, digest in self.instances
            if (found.os, found.architecture) == (platform.os, platform.architecture)
        ]
        exact = [digest for found, digest in fitting if found.variant == platform.variant]
        plain = [digest for found, digest in fitting if not found.variant]
        for candidates in (exact, plain, [digest for _, digest in fitting]):
            if candidates:
                return candidates[0]
        offered = ", ".join(sorted({f"{found.os}/{found.architecture}" for found, _ in self.instances}))
        raise BadInput(f"no image for {platform.os}/{platform.architecture}; there is: {offered or 'nothing'}")


def digest_of(data: bytes) -> Digest:
    """The digest of bytes."""
    return Digest("sha256:" + hashlib.sha256(data).hexdigest())


def parse_manifest(data: bytes) -> ImageManifest | ManifestList:
    """What a registry answered. Raises BadInput for what is neither an image nor a list that storectl knows."""
    if len(data) > MAX_BYTES:
        raise BadInput(f"the manifest has more than {MAX_BYTES} bytes")
    try:
        document = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise BadInput(f"the manifest is not JSON: {error}") from error
    if not isinstance(document, dict) or document.get("schemaVersion") != 2:
        raise BadInput("the manifest is of an old or unknown schema", hint="push the image again with a current tool")
    media_type = document.get("mediaType") or _guess(document)
    if not isinstance(media_type, str):
        raise BadInput(f"the manifest's media type is no text: {str(media_type)[:80]}")
    if media_type in _LISTS:
        return ManifestList(digest_of(data), tuple(_instance(item) for item in _list(document, "manifests")))
    if media_type in _IMAGES:
        config = _descriptor(document.get("config"), "config").digest
        return ImageManifest(
            digest_of(data), config, tuple(_descriptor(item, "layers") for item in _list(document, "layers"))
        )
    raise BadInput(f"not an image: media type {media_type!r}")


def _guess(document: Mapping[str, Any]) -> str:
    """OCI lets the media type be left out."""
    return f"application/vnd.oci.image.{'index' if 'manifests' in document else 'manifest'}.v1+json"


def _list(document: Mapping[str, Any], name: str) -> list[Any]:
    value = document.get(name)
    if not isinstance(value, list):
        raise BadInput(f"the manifest has no list {name!r}")
    return value


def _instance(item: object) -> tuple[Platform, Digest]:
    digest = _descriptor(item, "manifests").digest
    platform = item.get("platform") if isinstance(item, dict) else None
    fields = platform if isinstance(platform, dict) else {}
    return Platform(*(str(fields.get(name) or "") for name in ("os", "architecture", "variant"))), digest


def _descriptor(item: object, where: str) -> Blob:
    if not isinstance(item, dict) or type(item.get("size")) is not int or item["size"] < 0:
        raise BadInput(f"the manifest's {where} has no size")
    try:
        return Blob(parse_digest(str(item.get("digest"))), item["size"])
    except StoreError as error:
        raise BadInput(f"the manifest's {where}: {error.message}") from error
