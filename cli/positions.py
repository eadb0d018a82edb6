"""A point in the log, as people name it, and the graph there."""

from adapters.event_log.reader import LogReader
from application.graphs import graph_at
from cli.bulk import load_decode
from cli.session import Session
from domain.errors import NotFound
from domain.graph import ReferenceGraph
from domain.times import parse_time


def parse_position(session: Session, text: str) -> int:
    """A position as it is; a time as the position of the last event up to it. Raises NotFound or Usage."""
    return position_in(session.reader(), text, session.now_us())


def position_in(reader: LogReader, text: str, now_us: int) -> int:
    """The same in any log."""
    if text.isdecimal():
        if not 1 <= int(text) <= reader.size:
            raise NotFound(f"there is no event {text}: the log has {reader.size}")
        return int(text)
    wanted = parse_time(text, now_us)
    low, high = 0, reader.size  # times grow with positions: search for the last that is not later
    while low < high:
        middle = (low + high + 1) // 2
        if reader.entry(middle).time_us <= wanted:
            low = middle
        else:
            high = middle - 1
    if low == 0:
        raise NotFound(
            f"the log begins after {text}", hint="'storectl history --limit 1 --reverse' and 'show 1' tell when"
        )
    return low


def graph_then(session: Session, at: str | None) -> tuple[ReferenceGraph, int]:
    """The graph at a position or time, and its time (µs): now, or then from the log alone.

    At a time it is that time, and not the last event's before it: a lease may have run out in between.
    """
    if at is None:
        session.notice()
        return session.graph(), session.now_us()
    graph = graph_at(session.reader(), parse_position(session, at), load_decode())
    return graph, graph.time_us if at.isdecimal() else parse_time(at, session.now_us())
