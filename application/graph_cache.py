"""The graph as some earlier command left it in the cache, if it still fits the log. Needs no event to be decoded."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from domain.errors import StoreError
from domain.graph import ReferenceGraph
from domain.ledger.entry import Entry
from projections.graph_state import State, dump, load

_NODES_PER_EVENT = 100
_MOST_EVENTS = 64
"""Events that are folded again rather than writing a cache of many nodes anew."""


class Cache(Protocol):
    def read(self) -> bytes: ...

    def write(self, data: bytes) -> None: ...


class Entries(Protocol):
    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]: ...


def cached_graph(log: Entries, cache: Cache) -> ReferenceGraph | None:
    """The graph at the position of an event that is in the log as it was then; None where there is none such."""
    state = load(cache.read())
    if state is None or not state.graph.position:
        return None
    position = state.graph.position
    try:
        there = next(log.entries(position, position), None)
    except StoreError:
        return None  # what is wrong with the log will be said by whoever reads it on
    return state.graph if there is not None and there.leaf_hash == state.leaf_hash else None


def keep(log: Entries, cache: Cache, graph: ReferenceGraph, cached_at: int) -> None:
    """Bring the cache up to the graph, if that costs less than folding what is new again and again."""
    nodes = len(graph.images) + len(graph.layers)
    if graph.position - cached_at >= max(1, min(_MOST_EVENTS, nodes // _NODES_PER_EVENT)):
        last = next(iter(log.entries(graph.position, graph.position)))
        cache.write(dump(State(graph, last.leaf_hash)))
