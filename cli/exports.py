"""What exporting and checking commands share: files that come from outside or go there, and the record of it."""

import hashlib
import sys
from collections.abc import Iterable
from importlib import resources
from pathlib import Path

from adapters.files.replacing import replaced
from adapters.files.state_directory import replace_bytes
from cli.session import Session
from domain.errors import Failed, StoreError
from domain.events.audit import AuditExported
from domain.ports import RegistryOptions

VERIFIER = "verify_bundle.py"
_MAX_NOTE = 1 << 20
_OURS = b"`storectl audit export`"  # stands near the verifier's top


def record_export(session: Session, event: AuditExported) -> None:
    """Record it where that can be done now: an auditor with read-only access exports, too, and is told."""
    try:
        with session.host(0, RegistryOptions()) as host:
            host.journal.record(event)
    except (StoreError, OSError) as error:
        session.out.note(f"the export is not recorded in the log: {error}")


def verifier_source() -> bytes:
    """The standalone verifier, as it ships with this program."""
    return resources.files("storectl").joinpath(VERIFIER).read_bytes()


def place_verifier(session: Session, directory: Path) -> Path | None:
    """Write the verifier into the directory; a file of that name that is not one of ours stays, and is reported."""
    place = directory / VERIFIER
    source = verifier_source()
    there = place.read_bytes() if place.is_file() else None
    if there is not None and _OURS not in there[:1000]:
        session.out.note(f"{place} is another file, and left as it is; 'storectl audit verifier -o FILE' writes one")
        return None
    if there != source:
        replace_bytes(place, source)
    return place


def sha256_of(path: Path) -> str:
    """A file's SHA-256, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def write_file(path: Path, pieces: Iterable[bytes]) -> str:
    """Write a file whole or not at all, on disk when this returns; its SHA-256 (hex). Raises Failed."""
    digest = hashlib.sha256()
    with replaced(path) as file:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
    return digest.hexdigest()


def write_to_stdout(pieces: Iterable[bytes]) -> str:
    """The same to stdout, as it comes."""
    digest = hashlib.sha256()
    for piece in pieces:
        digest.update(piece)
        sys.stdout.buffer.write(piece)
    sys.stdout.flush()
    return digest.hexdigest()


def read_note(path: Path) -> str:
    """A checkpoint from a file. Raises Failed."""
    try:
        with path.open("rb") as file:
            return file.read(_MAX_NOTE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the checkpoint {path}: {error}") from error
