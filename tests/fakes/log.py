"""An event log in memory, and a clock that a test turns."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from domain.errors import Conflict
from domain.ledger.entry import Draft, Entry, Head
from domain.ledger.key_schedule import KeySchedule


@dataclass
class FakeClock:
    """Implements `domain.ports.Clock`."""

    time_us: int = 1_800_000_000_000_000

    def now_us(self) -> int:
        self.time_us += 1000
        return self.time_us


@dataclass
class FakeLog:
    """Implements `domain.ports.EventLog`, without hashes and signatures."""

    origin: str = "test/log"
    stored: list[Entry] = field(default_factory=list)

    def head(self) -> Head:
        return Head(len(self.stored), bytes(32), self.stored[-1].time_us if self.stored else 0, "")

    def append(
        self, drafts: Sequence[Draft], *, expected: int, actor: str, operation: str, now_us: int
    ) -> tuple[Entry, ...]:
        if expected != len(self.stored):
            raise Conflict("the log has grown")
        made = []
        for number, draft in enumerate(drafts):
            index = expected + number
            made.append(
                Entry(
                    index, bytes(32), draft.stream, 0, draft.kind, draft.schema, now_us + number, actor, operation,
                    draft.payload, bytes(4), bytes(64), index.to_bytes(32, "big"),
                )
            )  # fmt: skip
        self.stored += made
        return tuple(made)

    def key_schedule(self) -> KeySchedule:
        schedule = KeySchedule()
        for entry in self.stored:
            schedule.learn(entry.index, entry.stream, entry.kind, entry.schema, entry.payload)
        return schedule

    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]:
        found = [entry for entry in self.stored[start - 1 : stop] if not kinds or entry.kind in kinds]
        yield from reversed(found) if reverse else found
