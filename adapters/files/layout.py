"""Where things lie below a sysroot, as bootc and ostree lay them out, and storectl's own directory among them."""

from dataclasses import dataclass
from pathlib import Path

from domain.values import StoreId


@dataclass(frozen=True, slots=True)
class Layout:
    """Paths below one sysroot. The container store's runroot is never below it: it does not survive a boot."""

    sysroot: Path

    @property
    def store(self) -> Path:
        return self.sysroot / "ostree/bootc/storage"

    @property
    def state(self) -> Path:
        return self.sysroot / "ostree/storectl"

    @property
    def log(self) -> Path:
        return self.state / "log.db"

    @property
    def keys(self) -> Path:
        return self.state / "keys"

    @property
    def checkpoints(self) -> Path:
        return self.state / "checkpoints"

    @property
    def high_water(self) -> Path:
        """The last checkpoint that an append returned with: outside the database, which may be put back."""
        return self.checkpoints / "high-water"

    @property
    def past(self) -> Path:
        """Logs of the store that this one was replayed from, each in a directory of its own."""
        return self.state / "past"

    @property
    def config(self) -> Path:
        return self.state / "config.toml"

    @property
    def lock(self) -> Path:
        return self.state / "lock"

    @property
    def reserve(self) -> Path:
        """Space set aside for commands that free space."""
        return self.state / "reserve"

    @property
    def graph_cache(self) -> Path:
        return self.state / "cache/graph"

    @property
    def tree_cache(self) -> Path:
        """Roots of complete subtrees of the log: what proofs would have to hash again."""
        return self.state / "cache/tree"

    @property
    def tokens(self) -> Path:
        return self.state / "cache/tokens"

    @property
    def plans(self) -> Path:
        """The plans that dry runs showed last."""
        return self.state / "cache/plans"

    def runroot(self, store: StoreId) -> Path:
        return Path("/run/storectl") / store
