"""What a log says of a store as it was at one position: all that a replay needs to know."""

from collections.abc import Iterator
from dataclasses import dataclass, field

from application.graphs import graph_at
from application.recovery.recorded import Recorded, read_recorded
from domain.archive_ports import PastLog
from domain.events.base import Event
from domain.events.codec import decode
from domain.events.store import CommitFetched, StaterootCreated
from domain.graph import ReferenceGraph
from domain.values import Commit, Stateroot


@dataclass(slots=True)
class Past:
    """`fetched`: where each commit came from (ref, source), the newest first; `refs`: what each ref meant last."""

    position: int
    graph: ReferenceGraph
    recorded: Recorded
    stateroots: list[Stateroot] = field(default_factory=list)
    fetched: dict[Commit, list[tuple[str, str]]] = field(default_factory=dict)
    refs: dict[str, Commit] = field(default_factory=dict)


def read_past(log: PastLog, position: int) -> Past:
    """The store as the log had it at a position."""
    past = Past(position, graph_at(log, position), read_recorded(log, position))
    for entry in log.entries(1, position, kinds=[StaterootCreated.kind, CommitFetched.kind]):
        event = decode(entry)
        if isinstance(event, StaterootCreated):
            past.stateroots.append(event.stateroot)
        elif isinstance(event, CommitFetched):
            past.fetched.setdefault(event.commit, []).insert(0, (event.ref, event.source))
            past.refs[event.ref] = event.commit
    return past


def events_up_to(log: PastLog, position: int) -> Iterator[Event]:
    """Every event, in order."""
    return (decode(entry) for entry in log.entries(1, position))
