"""A file written whole or not at all: aside, on disk, and only then in its place."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from domain.errors import Failed


@contextmanager
def replaced(path: Path) -> Iterator[BinaryIO]:
    """A file to write into; it is at `path` once the block has ended, and nothing of it stays where the block fails.

    Raises Failed.
    """
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with aside.open("wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        aside.replace(path)
        sync_directory(path.parent)
    except OSError as error:
        raise Failed(f"cannot write {path}: {error.strerror}") from error
    finally:
        aside.unlink(missing_ok=True)


def sync_directory(path: Path) -> None:
    """Make renames and new names in a directory outlast a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
