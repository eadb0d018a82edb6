"""Generated long histories: the same for the same seed, and histories that the laws could have let happen."""

from dataclasses import replace
from itertools import islice

import pytest

from domain.graph import ReferenceGraph
from projections.graph_state import State, dump, load
from projections.reference_graph import fold
from tests.support.events import entries
from tests.support.histories import BUILDS, WEEKLY, Shape, history, recorded

SMALL = replace(BUILDS, kept=6, layers=4)


def graph_of(shape: Shape, deployments: int, seed: int = 0) -> ReferenceGraph:
    return fold(ReferenceGraph(), entries(recorded(history(shape, deployments, seed=seed))))


@pytest.mark.parametrize("shape", [WEEKLY, SMALL])
def test_a_history_depends_on_its_seed_alone(shape: Shape) -> None:
    first = list(islice(history(shape, 30, seed=7), 60))
    assert first == list(islice(history(shape, 40, seed=7), 60)), "nor on how long it goes on"
    assert first != list(islice(history(shape, 30, seed=8), 60))


@pytest.mark.parametrize("shape", [WEEKLY, SMALL])
def test_what_stays_is_what_the_deployments_kept_need(shape: Shape) -> None:
    graph = graph_of(shape, 60)
    assert len(graph.deployments) == shape.kept
    assert not graph.operations, "every operation ended"
    bound = {binding.image for node in graph.deployments.values() for binding in node.bindings.values()}
    pinned = {image for image, node in graph.images.items() if any(key.kind == "pin" for key in node.holds)}
    assert set(graph.images) == bound | pinned == graph.held_images(graph.time_us)
    assert set(graph.layers) == graph.held_layers(graph.time_us)
    assert set(graph.layers) == {layer for node in graph.images.values() for layer in node.layers}


def test_the_graph_of_a_long_history_survives_its_cache() -> None:
    """Also what is not written there, where holds and names are found: the rest of the history needs it."""
    log = list(entries(recorded(history(SMALL, 30))))
    whole = fold(ReferenceGraph(), log)
    for cut in range(0, len(log), len(log) // 20):
        state = load(dump(State(fold(ReferenceGraph(), log[:cut]), b"x" * 32)))
        assert state is not None
        assert fold(state.graph, log[cut:]) == whole
