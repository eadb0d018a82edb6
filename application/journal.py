"""The one way to record: events go to the log, and the graph follows in the same step.

A journal lives while its command holds the store's lock, so nobody else appends. The append is guarded all the same:
an event that came in between is a Conflict, never a decision on an old graph.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from domain.errors import Conflict, StoreError
from domain.events.base import Event
from domain.events.codec import draft, to_plain
from domain.events.operation import OperationAborted, OperationBegun, OperationCompleted, OperationFailed
from domain.graph import OpenOperation, ReferenceGraph
from domain.ledger.entry import Entry
from domain.ports import Clock, EventLog
from domain.values import OperationId
from projections.reference_graph import fold

Step = Callable[[str], None]
"""Told the name of each step's boundary: between two of them nothing but one effect or one append happens."""

Decision = Callable[[ReferenceGraph], Sequence[Event]]
_TRIES = 5


@dataclass(slots=True)
class Journal:
    """`graph` always stands at the log's head as this process knows it; `new_operation` makes operation ids."""

    log: EventLog
    graph: ReferenceGraph
    clock: Clock
    actor: str
    new_operation: Callable[[], OperationId]
    step: Step = field(default=lambda name: None)

    def catch_up(self) -> ReferenceGraph:
        """Fold in whatever was appended since."""
        return fold(self.graph, self.log.entries(self.graph.position + 1))

    def record(self, *events: Event, operation: OperationId | str = "") -> tuple[Entry, ...]:
        """Append facts, all or none. Raises Conflict if the log has grown since the graph was read."""
        if not events:
            return ()
        drafts = [draft(event) for event in events]
        now = self.clock.now_us()
        entries = self.log.append(
            drafts, expected=self.graph.position, actor=self.actor, operation=operation, now_us=now
        )
        fold(self.graph, entries)
        self.step(f"recorded {events[-1].kind}")
        return entries

    def decide(self, decision: Decision, *, operation: OperationId | str = "") -> tuple[Entry, ...]:
        """Append what the decision says of the graph at the head; decide again if the head moved meanwhile."""
        for attempt in range(_TRIES):
            try:
                return self.record(*decision(self.catch_up()), operation=operation)
            except Conflict:
                if attempt == _TRIES - 1:
                    raise
        raise AssertionError("the loop returns or raises")

    def begin(self, command: str, intent: object) -> OpenOperation:
        """Record the intent. Whoever finds the operation open later can finish or undo it from this alone."""
        identity = self.new_operation()
        self.decide(lambda _: [OperationBegun(identity, command, to_plain(intent))], operation=identity)
        return self.graph.operations[identity]

    def complete(self, operation: OpenOperation) -> None:
        self.record(OperationCompleted(operation.id), operation=operation.id)

    def fail(self, operation: OpenOperation, error: StoreError) -> None:
        self.record(OperationFailed(operation.id, error.message), operation=operation.id)

    def abort(self, operation: OpenOperation, reason: str) -> None:
        self.record(OperationAborted(operation.id, reason), operation=operation.id)
