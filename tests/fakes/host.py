"""A whole host in memory, for use cases: what is on the machine outlives a process, the journal does not."""

import itertools
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field

from application.host import Host
from application.journal import Journal, Step
from domain.errors import Failed
from domain.events.store import StoreInitialised
from domain.graph import ReferenceGraph
from domain.ports import FoundConsumer
from domain.store_view import StoreView
from domain.values import LayerId, OperationId, Stateroot, StoreId
from projections.reference_graph import fold
from tests.fakes.container_store import FakeRegistry, FakeSource, FakeStore
from tests.fakes.keyring import FakeKeyring
from tests.fakes.log import FakeClock, FakeLog
from tests.fakes.ostree import FakeOsTree, FakeRepo
from tests.lab.os_trees import quadlet

SOURCE = "/os-repo"
QUADLETS, BOUND = "/usr/share/containers/systemd", "/usr/lib/bootc/bound-images.d"
OS = Stateroot("os")


@dataclass
class FakeConsumers:
    """Implements `domain.ports.ConsumerStores`: views by path; a path without one cannot be read.

    `frozen_now` are the stores that are held still at the moment; `configured` is what discovery finds.
    """

    views: dict[str, StoreView] = field(default_factory=dict)
    configured: tuple[FoundConsumer, ...] = ()
    frozen_now: tuple[str, ...] = ()

    def view(self, path: str) -> StoreView:
        if path not in self.views:
            raise Failed(f"there is no container store at {path}")
        return self.views[path]

    def linked(self, path: str) -> Mapping[LayerId, tuple[LayerId, ...]]:
        return {}

    def token(self, path: str) -> bytes:
        return self.view(path).token

    @contextmanager
    def frozen(self, paths: Sequence[str], wait_s: float) -> Iterator[None]:
        self.frozen_now = tuple(paths)
        yield
        self.frozen_now = ()

    def discover(self) -> tuple[FoundConsumer, ...]:
        return self.configured


class Machine:
    """What a crash leaves: registry, stores, ostree and log."""

    def __init__(self) -> None:
        self.registry = FakeRegistry()
        self.repo = FakeRepo()
        self.log, self.clock = FakeLog(), FakeClock()
        self.store = FakeStore(self.registry)
        self.os = FakeOsTree(sources={SOURCE: self.repo})
        self.consumers = FakeConsumers()
        self.keys = FakeKeyring()
        self._operations = itertools.count(1)
        self.os.initialise(OS)
        self.store.create()
        self.process().journal.record(
            StoreInitialised(StoreId("s"), "test/log", self.keys.current["log"], self.keys.current["event"], None)
        )

    def process(self, step: Step = lambda name: None) -> Host:
        """A new process on this machine, which knows only what the log says."""
        graph = fold(ReferenceGraph(), self.log.entries())
        journal = Journal(
            self.log, graph, self.clock, "test", lambda: OperationId(f"{next(self._operations):016x}"), step
        )
        return Host(journal, self.store, self.os, FakeSource(self.registry), self.consumers, jobs=1, keys=self.keys)

    def commit(self, ref: str, bound: Mapping[str, str], version: str = "1") -> str:
        """An OS that binds these images (quadlet file → reference)."""
        files: dict[str, bytes | str] = {
            f"{QUADLETS}/{name}": quadlet(name, image).encode() for name, image in bound.items()
        }
        files["/usr/lib/os-release"] = version.encode()
        links = {f"{BOUND}/{name}": f"{QUADLETS}/{name}" for name in bound}
        return self.repo.add(ref, files, links)
