"""The parts of a host that a use case works with, handed to it whole."""

from collections.abc import Callable
from dataclasses import dataclass, field

from application.journal import Journal
from domain.archive_ports import PastLogs
from domain.graph import ReferenceGraph
from domain.ports import (
    ConsumerStores,
    ContainerStore,
    ImageSourcePort,
    Keyring,
    Measure,
    OsTree,
    Progress,
    RegistryOptions,
)


@dataclass(frozen=True, slots=True)
class Host:
    """`registry` is what this command line says of registries, `jobs` how many images are fetched at a time, `wait_s`
    how long to wait for consumer stores to be free; `progress` is told what goes on, `measure` how far it is.
    `give_up_reserve` frees the space that is set aside for a full disk; whether there was any. `past` has the logs that
    this store was replayed from.
    """

    journal: Journal
    store: ContainerStore
    os: OsTree
    source: ImageSourcePort
    consumers: ConsumerStores
    registry: RegistryOptions = field(default_factory=RegistryOptions)
    jobs: int = 4
    wait_s: float = 30.0
    give_up_reserve: Callable[[], bool] = field(default=lambda: False)
    progress: Progress = field(default=lambda text: None)
    measure: Measure = field(default=lambda done, total: None, kw_only=True)
    past: PastLogs | None = None
    keys: Keyring = field(kw_only=True)

    @property
    def graph(self) -> ReferenceGraph:
        return self.journal.graph

    def now_us(self) -> int:
        return self.journal.clock.now_us()
