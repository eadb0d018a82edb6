"""Other container stores, looked at, held still, and found."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from adapters.containers.consumer_discovery import discover, is_running_system, is_store
from adapters.containers.consumer_freeze import frozen
from adapters.containers.layer_surgery import foreign_links
from adapters.containers.records import read_store, read_token
from domain.errors import NotFound, Refused
from domain.ports import FoundConsumer
from domain.store_view import StoreView
from domain.values import LayerId


@dataclass(frozen=True, slots=True)
class StoresOnDisk:
    """Implements `domain.ports.ConsumerStores` for the owned store of one sysroot."""

    sysroot: Path
    owned: Path

    def view(self, path: str) -> StoreView:
        """As domain.ports.ConsumerStores.view. A directory without a store is not taken for a store without images: the
        file system that has it may not be mounted, and what is not seen may be used all the same.
        """
        root = Path(path)
        if root.exists() and self.owned.exists() and root.samefile(self.owned):
            raise Refused(f"{path} is the owned store itself", hint="name the store that uses it")
        if not is_store(root):
            raise NotFound(
                f"there is no container store at {path}",
                hint="name its graph root ('podman info'); is its file system mounted?",
            )
        return read_store(root)

    def linked(self, path: str) -> Mapping[LayerId, tuple[LayerId, ...]]:
        return foreign_links(Path(path), self.owned)

    def token(self, path: str) -> bytes:
        return read_token(Path(path))

    def frozen(self, paths: Sequence[str], wait_s: float) -> AbstractContextManager[None]:
        return frozen([Path(path) for path in paths], wait_s)

    def discover(self) -> tuple[FoundConsumer, ...]:
        return discover(Path("/"), self.owned) if is_running_system(self.sysroot) else ()
