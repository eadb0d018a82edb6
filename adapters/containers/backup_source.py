"""A backup's OCI layout as a place that images come from: there, an image's own manifest lies beside the layout's."""

from pathlib import Path

from domain.backups import original_of
from domain.errors import BadInput
from domain.manifests import MAX_BYTES, digest_of
from domain.references import ImageSource, TransportSource


def original_manifest(source: ImageSource, manifest: bytes) -> bytes | None:
    """The image's own manifest, where `manifest` is one that a backup has for it; None for any other.

    Raises BadInput where the layout does not have it whole.
    """
    if not isinstance(source, TransportSource) or source.transport != "oci":
        return None
    digest = original_of(manifest)
    if digest is None:
        return None
    layout = Path(source.details.rpartition(":")[0] or source.details)
    path = layout / "blobs/sha256" / digest.removeprefix("sha256:")
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadInput(f"cannot read {path}: {error.strerror}") from error
    if digest_of(data) != digest:
        raise BadInput(f"the blob {digest} in {layout} is not what its digest says")
    return data
