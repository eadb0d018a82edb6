"""Files that are whole or absent: written aside, on disk, then renamed; and read back by their hash."""

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path

from domain.backups import Piece
from domain.errors import Failed
from domain.values import Digest

_CHUNK = 1024 * 1024


def write_whole(path: Path, chunks: Iterable[bytes], wanted: Digest | None = None) -> Piece:
    """Write, sync and rename; what it is now. With `wanted`, nothing comes to be that has another digest.

    Raises Failed; whatever the chunks raise, after taking away what was written of it.
    """
    aside = path.with_name(f".{path.name}.new")
    digest, length = hashlib.sha256(), 0
    try:
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            for chunk in chunks:
                file.write(chunk)
                digest.update(chunk)
                length += len(chunk)
            file.flush()
            os.fsync(descriptor)
        found = Piece(Digest(f"sha256:{digest.hexdigest()}"), length)
        if wanted not in (None, found.digest):
            raise Failed(f"what was read is {found.digest} instead of {wanted}")
        aside.rename(path)
    except OSError as error:
        aside.unlink(missing_ok=True)
        raise Failed(f"cannot write {path}: {error.strerror}", hint="is there room left?") from error
    except Exception:
        aside.unlink(missing_ok=True)
        raise
    return found


def hashed(path: Path) -> Piece | None:
    """What a regular file is; None where there is none. Raises Failed where it cannot be read."""
    digest, length = hashlib.sha256(), 0
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
                length += len(chunk)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
    return Piece(Digest(f"sha256:{digest.hexdigest()}"), length)


def sync_tree(directory: Path) -> None:
    """Make every file and every name below a directory outlast a power cut."""
    for place, _, names in os.walk(directory):
        for name in names:
            _sync(Path(place) / name, os.O_RDONLY | os.O_NOFOLLOW)
        _sync(Path(place), os.O_RDONLY | os.O_DIRECTORY)


def sync_directory(directory: Path) -> None:
    """Make new names in a directory outlast a power cut."""
    _sync(directory, os.O_RDONLY | os.O_DIRECTORY)


def _sync(path: Path, flags: int) -> None:
    descriptor = os.open(path, flags | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
