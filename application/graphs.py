"""The graph at the log's head: from the cache where it fits the log, then only what came after."""

from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

from domain.errors import StoreError
from domain.events.base import Event
from domain.events.codec import decode
from domain.graph import ReferenceGraph
from domain.ledger.entry import Entry
from projections.graph_state import State, dump, load
from projections.reference_graph import fold

Decode = Callable[[Entry], Event]

WRITE_AFTER = 64
"""Events that are folded again rather than writing the cache anew."""


class Cache(Protocol):
    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class Entries(Protocol):
    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]: ...


def graph_at_head(log: Entries, cache: Cache, long_decode: Callable[[], Decode] | None = None) -> ReferenceGraph:
    """The graph at the head, and the cache brought up to it if it has fallen far behind.

    `long_decode` loads what decodes faster (events.bulk), where there is no cache and the whole log is folded.
    """
    graph = _cached(log, cache) or ReferenceGraph()
    cached_at = graph.position
    fold(graph, log.entries(graph.position + 1), long_decode() if long_decode and not cached_at else decode)
    if graph.position - cached_at >= WRITE_AFTER:
        last = next(iter(log.entries(graph.position, graph.position)))
        cache.write(dump(State(graph, last.leaf_hash)))
    return graph


def _cached(log: Entries, cache: Cache) -> ReferenceGraph | None:
    state = load(cache.read())
    if state is None or not state.graph.position:
        return None
    position = state.graph.position
    try:
        there = next(log.entries(position, position), None)
    except StoreError:
        return None  # what is wrong with the log will be said by whoever reads it on
    return state.graph if there is not None and there.leaf_hash == state.leaf_hash else None


def graph_at(log: Entries, position: int, decode: Decode = decode) -> ReferenceGraph:
    """The graph as it was after the event at `position`, from the log alone."""
    return fold(ReferenceGraph(), log.entries(1, position), decode)
