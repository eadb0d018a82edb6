"""The logs of the store that this one was replayed from."""

from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path

from adapters.event_log.reader import LogReader


@dataclass(frozen=True, slots=True)
class PastLogFiles:
    """Implements `domain.archive_ports.PastLogs` for the logs below a directory."""

    directory: Path

    def open(self, name: str) -> AbstractContextManager[LogReader]:
        """As domain.archive_ports.PastLogs.open."""
        return LogReader(self.directory / Path(name).name / "log.db")
