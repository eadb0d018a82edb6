"""Events of the store as a whole."""

from dataclasses import dataclass
from typing import ClassVar

from domain.values import Commit, Stateroot, StoreId

STREAM = "store"


@dataclass(frozen=True, slots=True)
class StoreInitialised:
    """The log's first event. The public keys (32 bytes each) are the root from which every later key follows."""

    kind: ClassVar[str] = "store.initialised"
    schema: ClassVar[int] = 1
    store: StoreId
    origin: str
    log_key: bytes
    event_key: bytes
    root_key: bytes | None

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class StaterootCreated:
    kind: ClassVar[str] = "stateroot.created"
    schema: ClassVar[int] = 1
    stateroot: Stateroot

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class CommitFetched:
    """A commit was brought in from another repository; `source` is a path, a URL without credentials, or a remote."""

    kind: ClassVar[str] = "commit.fetched"
    schema: ClassVar[int] = 1
    commit: Commit
    ref: str
    source: str

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class StoreAdopted:
    """The sysroot was filled by somebody else; what was found there was observed, not made."""

    kind: ClassVar[str] = "store.adopted"
    schema: ClassVar[int] = 1
    deployments: int
    images: int

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class Drift:
    """One way in which the store is not what the log says: `kind` is `missing`, `foreign`, `damaged`, …."""

    kind: str
    target: str
    detail: str


@dataclass(frozen=True, slots=True)
class DriftFound:
    """A check found these; `findings` is cut after a hundred, `count` is not."""

    kind: ClassVar[str] = "drift.found"
    schema: ClassVar[int] = 1
    findings: tuple[Drift, ...]
    count: int
    deep: bool

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class DriftRepaired:
    """A check found these, and after the repair they were gone; `findings` is cut after a hundred, `count` is not."""

    kind: ClassVar[str] = "drift.repaired"
    schema: ClassVar[int] = 1
    findings: tuple[Drift, ...]
    count: int

    @property
    def stream(self) -> str:
        return STREAM


@dataclass(frozen=True, slots=True)
class CommitsPruned:
    """ostree objects that no ref and no deployment held are gone; `bytes` were freed."""

    kind: ClassVar[str] = "commits.pruned"
    schema: ClassVar[int] = 1
    bytes: int

    @property
    def stream(self) -> str:
        return STREAM
