"""Events of recovery: backups that were written, stores that were rebuilt from a log, and rehearsals of that."""

from dataclasses import dataclass
from typing import ClassVar

from domain.events.store import STREAM, Drift


@dataclass(frozen=True, slots=True)
class BackupWritten:
    """A backup of the log's first `size` events lies at `place`, whole and read back; `bytes` were newly written.

    With `content`, so many images and commits are in it; `lacking` of them could not be read.
    """

    kind: ClassVar[str] = "backup.written"
    schema: ClassVar[int] = 1
    place: str
    generation: int
    size: int
    root_hash: bytes
    content: bool
    images: int
    commits: int
    lacking: int
    bytes: int

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class StoreReplayed:
    """This store is rebuilt from the log `origin`, as it was at `position`. That log had `size` events under this root
    hash (32 bytes), and `vkey` as its verifier key: the commitment that links this log to it. `source` says where it
    was read from.
    """

    kind: ClassVar[str] = "store.replayed"
    schema: ClassVar[int] = 1
    origin: str
    size: int
    root_hash: bytes
    vkey: str
    position: int
    source: str

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class ReplayCompared:
    """What a replay rebuilt was held against the log: `compared` points, and `count` differences, of which
    `differences` has the first thirty.
    """

    kind: ClassVar[str] = "replay.compared"
    schema: ClassVar[int] = 1
    compared: int
    count: int
    differences: tuple[Drift, ...]

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class DrillHeld:
    """A replay was rehearsed in a scratch place. `source`: the backup's place, or empty for the log and what it names;
    `count` differences (the first hundred in `differences`), `bytes` of disk and `duration_us` that it took.
    """

    kind: ClassVar[str] = "drill.held"
    schema: ClassVar[int] = 1
    source: str
    position: int
    deployments: int
    images: int
    compared: int
    count: int
    differences: tuple[Drift, ...]
    bytes: int
    duration_us: int

    @property
    def stream(self) -> str:
        return STREAM
