"""Real OCI images made in Python: deterministic, small, pushed with skopeo."""

import gzip
import hashlib
import io
import json
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tests.lab.registry import Registry

Layer = Mapping[str, bytes]
"""Path in the image → content."""


@dataclass(frozen=True)
class PushedImage:
    """`reference` is `host/repository:tag`, `digest` the manifest's, `image_id` the config's hex."""

    reference: str
    digest: str
    image_id: str
    diff_ids: tuple[str, ...]
    blobs: tuple[str, ...]


def push_image(
    registry: Registry,
    repository: str,
    tag: str,
    layers: Sequence[Layer],
    *,
    labels: Mapping[str, str] | None = None,
    authfile: Path | None = None,
) -> PushedImage:
    """Make an image of these layers (base first) and push it; equal layers are equal blobs."""
    login = [f"--dest-authfile={authfile}"] if authfile else []
    with tempfile.TemporaryDirectory() as scratch:
        layout = Path(scratch) / "oci"
        digest, config, diff_ids, blobs = write_layout(layout, tag, layers, labels or {})
        reference = f"{registry.host}/{repository}:{tag}"
        subprocess.run(
            ["skopeo", "copy", "--quiet", "--dest-tls-verify=false", *login, f"oci:{layout}:{tag}", f"docker://{reference}"],
            check=True, stdin=subprocess.DEVNULL, capture_output=True,
        )  # fmt: skip
    return PushedImage(reference, digest, config.removeprefix("sha256:"), diff_ids, blobs)


def write_layout(
    layout: Path, tag: str, layers: Sequence[Layer], labels: Mapping[str, str]
) -> tuple[str, str, tuple[str, ...], tuple[str, ...]]:
    """An OCI layout with one image: (manifest digest, config digest, diff-ids, blob digests)."""
    (layout / "blobs/sha256").mkdir(parents=True)
    tars = [_tar(layer) for layer in layers]
    compressed = [gzip.compress(data, mtime=0) for data in tars]
    diff_ids = tuple(_digest(data) for data in tars)
    config = {
        "architecture": "amd64", "os": "linux", "config": {"Labels": dict(labels)},
        "rootfs": {"type": "layers", "diff_ids": list(diff_ids)},
        # By it podman tells what was built on what.
        "history": [{"created_by": f"layer {diff_id}"} for diff_id in diff_ids],
    }  # fmt: skip
    config_bytes = json.dumps(config).encode()
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": _descriptor("application/vnd.oci.image.config.v1+json", config_bytes),
        "layers": [_descriptor("application/vnd.oci.image.layer.v1.tar+gzip", data) for data in compressed],
    }
    manifest_bytes = json.dumps(manifest).encode()
    for data in (config_bytes, manifest_bytes, *compressed):
        (layout / "blobs/sha256" / _digest(data)[7:]).write_bytes(data)
    entry = _descriptor("application/vnd.oci.image.manifest.v1+json", manifest_bytes)
    index = {
        "schemaVersion": 2,
        "manifests": [entry | {"annotations": {"org.opencontainers.image.ref.name": tag}}],
    }
    (layout / "index.json").write_text(json.dumps(index))
    (layout / "oci-layout").write_text('{"imageLayoutVersion": "1.0.0"}')
    return _digest(manifest_bytes), _digest(config_bytes), diff_ids, tuple(map(_digest, compressed))


def _tar(layer: Layer) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w", format=tarfile.PAX_FORMAT) as tar:
        made: set[str] = set()
        for path, content in sorted(layer.items()):
            for parent in reversed(Path(path).parents):
                if str(parent) not in (".", *made):
                    made.add(str(parent))
                    info = tarfile.TarInfo(str(parent))
                    info.type, info.mode = tarfile.DIRTYPE, 0o755
                    tar.addfile(info)
            info = tarfile.TarInfo(path)
            info.size, info.mode = len(content), 0o755
            tar.addfile(info, io.BytesIO(content))
    return out.getvalue()


def _digest(data: bytes) -> str:
    return "sha256:" + hashlib.sha256(data).hexdigest()


def _descriptor(media_type: str, data: bytes) -> dict[str, object]:
    return {"mediaType": media_type, "digest": _digest(data), "size": len(data)}
