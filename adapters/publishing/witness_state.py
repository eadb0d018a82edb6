"""A witness's memory: one file a log, `<SHA-256 of the origin>`, locked while it is decided upon.

{"origin": …, "key": the log's vkey or null, "note": the checkpoint that was cosigned last}
"""

import fcntl
import hashlib
import json
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from adapters.files.state_directory import replace_file
from domain.errors import BadInput, Failed, StoreError
from domain.ledger.keys import VerifierKey, parse_vkey


@dataclass
class WitnessFile:
    """Implements `application.audit.witnessing.WitnessState`."""

    path: Path
    origin: str
    note: str | None = None
    key: VerifierKey | None = None

    def keep(self, note: str, key: VerifierKey | None) -> None:
        document = {"origin": self.origin, "key": str(key) if key else None, "note": note}
        replace_file(self.path, json.dumps(document, ensure_ascii=False, indent=1) + "\n")
        self.note, self.key = note, key


@contextmanager
def witness_state(directory: Path, origin: str) -> Iterator[WitnessFile]:
    """The state of one log, nobody else's meanwhile. Raises Failed; BadInput for a file that cannot be believed: a
    witness that forgot must not begin anew by itself.
    """
    path = directory / hashlib.sha256(origin.encode()).hexdigest()
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError as error:
        raise Failed(f"cannot use the witness's state in {directory}: {error.strerror}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield _read(path, origin) if path.exists() else WitnessFile(path, origin)
    finally:
        os.close(descriptor)


def _read(path: Path, origin: str) -> WitnessFile:
    try:
        read = json.loads(path.read_text("utf-8"))
        if read["origin"] != origin or not isinstance(read["note"], str):
            raise ValueError("it is of another log")
        return WitnessFile(path, origin, read["note"], parse_vkey(read["key"]) if read["key"] else None)
    except OSError as error:
        raise Failed(f"cannot read {path}: {error.strerror}") from error
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError, StoreError) as error:
        raise BadInput(
            f"{path} is not a witness's state: {error}", hint="restore it: it must not be begun anew"
        ) from error
