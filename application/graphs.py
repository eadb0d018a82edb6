"""The graph at the log's head: from the cache where it fits the log, then only what came after."""

from collections.abc import Callable

from application.graph_cache import Cache, Entries, cached_graph, keep
from domain.events.base import Event
from domain.events.codec import decode
from domain.graph import ReferenceGraph
from domain.ledger.entry import Entry
from projections.reference_graph import fold

Decode = Callable[[Entry], Event]


def graph_at_head(
    log: Entries,
    cache: Cache,
    long_decode: Callable[[], Decode] | None = None,
    known: ReferenceGraph | None = None,
) -> ReferenceGraph:
    """The graph at the head, and the cache brought up to it if it has fallen behind.

    `long_decode` loads what decodes faster (events.bulk), where there is no cache and the whole log is folded. `known`
    is what `cached_graph` gave, if it was asked already.
    """
    graph = known or cached_graph(log, cache) or ReferenceGraph()
    cached_at = graph.position
    fold(graph, log.entries(graph.position + 1), long_decode() if long_decode and not cached_at else decode)
    if graph.position > cached_at:
        keep(log, cache, graph, cached_at)
    return graph


def graph_at(log: Entries, position: int, decode: Decode = decode) -> ReferenceGraph:
    """The graph as it was after the event at `position`, from the log alone."""
    return fold(ReferenceGraph(), log.entries(1, position), decode)
