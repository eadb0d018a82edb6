"""How much room file systems have."""

import os
from pathlib import Path

from domain.ports import FreeSpace


def free_space(path: Path, what: str) -> FreeSpace:
    """Of the file system that `path`, or the nearest directory above it that exists, is on."""
    place = path.absolute()
    while not place.exists() and place != place.parent:
        place = place.parent
    status = os.statvfs(place)
    return FreeSpace(
        str(_mount_point(place)), what, status.f_bavail * status.f_frsize, status.f_blocks * status.f_frsize
    )


def temporary_directory() -> Path:
    """Where skopeo and podman put blobs while they unpack them (containers/image: `TemporaryDirectoryForBigFiles`)."""
    return Path(os.environ.get("TMPDIR") or "/var/tmp")  # noqa: S108 (not ours to choose)


def _mount_point(place: Path) -> Path:
    place = place.resolve()
    device = place.stat().st_dev
    while place != place.parent and place.parent.stat().st_dev == device:
        place = place.parent
    return place
