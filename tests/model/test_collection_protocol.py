"""The protocol of garbage collection as a small state machine, every interleaving of it explored.

Actors: storectl collecting (and dying anywhere, then run again), podman in a consumer store building a layer on the
owned store's layer, podman letting go of it again, and an operator who pulls an image under a lease and binds it later.
Law 1 is the invariant. It holds, and it fails as soon as the freeze or the lease is taken out: so both are needed, and
the model would notice.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest


@dataclass(frozen=True)
class Rules:
    """What of the protocol is in force."""

    freeze: bool = True
    lease: bool = True


@dataclass(frozen=True)
class World:
    """One layer of one image in the owned store, one consumer, one operator. Program counters say who is where."""

    present: bool = True  # the layer is in the owned store
    built: bool = False  # the consumer has a layer on top of it
    broken: bool = False  # the consumer's layer has lost what it sits on
    consumer_lock: str = ""  # who holds the consumer's locks
    store_lock: str = ""  # which storectl command holds the store's own lock
    collector: str = "start"
    sees_reference: bool = False
    intent: bool = False  # an open gc operation stands in the log
    podman: str = "start"
    found: bool = False
    operator: str = "start"
    leased: bool = False
    bound: bool = False
    missed: bool = False  # what the operator had pulled was not there when it was to be bound
    crashes: int = 2


def steps(world: World, rules: Rules) -> Iterator[tuple[str, World]]:
    yield from _collector(world, rules)
    yield from _podman(world)
    yield from _operator(world, rules)


def _collector(w: World, rules: Rules) -> Iterator[tuple[str, World]]:
    if w.collector == "start" and not w.store_lock:
        yield "gc: locks the store", replace(w, collector="locked", store_lock="gc")
    elif w.collector == "locked":
        if not rules.freeze:
            yield "gc: does not freeze", replace(w, collector="frozen")
        elif not w.consumer_lock:
            yield "gc: freezes the consumer", replace(w, collector="frozen", consumer_lock="gc")
    elif w.collector == "frozen":
        yield "gc: looks", replace(w, collector="looked", sees_reference=w.built)
    elif w.collector == "looked":
        held = w.sees_reference or w.bound or (w.leased and rules.lease) or not w.present
        # What an interrupted collection had meant to drop is decided again, too.
        yield "gc: decides", replace(w, collector="release" if held else "decided", intent=False if held else w.intent)
    elif w.collector == "decided":
        yield "gc: records its intent", replace(w, collector="intent", intent=True)
    elif w.collector == "intent":
        yield "gc: deletes", replace(w, collector="deleted", present=False, broken=w.broken or w.built)
    elif w.collector == "deleted":
        yield "gc: records the outcome", replace(w, collector="release", intent=False)
    elif w.collector == "release":
        lock = "" if w.consumer_lock == "gc" else w.consumer_lock
        yield "gc: lets go", replace(w, collector="done", consumer_lock=lock, store_lock="")
    if w.crashes and w.collector not in ("start", "done"):
        lock = "" if w.consumer_lock == "gc" else w.consumer_lock  # the kernel lets go of a dead process's locks
        yield "gc: killed", replace(w, collector="start", consumer_lock=lock, store_lock="", crashes=w.crashes - 1)


def _podman(w: World) -> Iterator[tuple[str, World]]:
    if w.podman == "start":
        yield "podman: finds the layer in the owned store", replace(w, podman="found", found=w.present)
    elif w.podman == "found":
        if not w.found:
            yield "podman: fetches all of it", replace(w, podman="done")
        elif not w.consumer_lock:
            yield "podman: locks its store", replace(w, podman="locked", consumer_lock="podman")
    elif w.podman == "locked":
        yield "podman: looks for the parent again", replace(w, podman="checked" if w.present else "failed")
    elif w.podman == "checked":
        yield "podman: builds on it", replace(w, podman="built", built=True, broken=w.broken or not w.present)
    elif w.podman in ("built", "failed"):
        yield "podman: unlocks", replace(w, podman="using" if w.built else "done", consumer_lock="")
    elif w.podman == "using" and not w.consumer_lock:
        yield "podman: removes its container", replace(w, podman="done", built=False)


def _operator(w: World, rules: Rules) -> Iterator[tuple[str, World]]:
    if w.operator == "start" and not w.store_lock:
        # A pull finds it there, or brings it: either way it is there, and leased, when the command ends.
        yield "operator: pulls", replace(w, operator="pulled", present=True, leased=rules.lease)
    elif w.operator == "pulled" and not w.store_lock:
        yield "operator: binds", replace(w, operator="bound", bound=True, leased=False, missed=not w.present)


def explore(rules: Rules) -> tuple[int, list[str] | None]:
    """How many states there are, and the shortest way to one that breaks law 1."""
    start = World()
    seen, ways = {start}, [(start, [""])]
    for world, way in ways:
        if world.broken or world.missed or (world.bound and not world.present):
            return len(seen), way[1:]
        for name, after in steps(world, rules):
            if after not in seen:
                seen.add(after)
                ways.append((after, [*way, name]))
    return len(seen), None


def test_no_interleaving_and_no_crash_breaks_law_1() -> None:
    states, way = explore(Rules())
    assert way is None
    assert states > 500


@pytest.mark.parametrize("rules", [Rules(freeze=False), Rules(lease=False)], ids=["no freeze", "no lease"])
def test_without_the_freeze_or_the_lease_law_1_is_broken(rules: Rules) -> None:
    _, way = explore(rules)
    assert way is not None
    assert "gc: deletes" in way


def test_every_interleaving_can_end() -> None:
    """Nobody waits for ever: from every state there is a way to where all are done."""
    start = World()
    after: dict[World, set[World]] = {}
    todo = [start]
    while todo:
        world = todo.pop()
        if world not in after:
            after[world] = {following for _, following in steps(world, Rules())}
            todo += after[world]
    ended = {w for w in after if w.collector == "done" and w.podman == "done" and w.operator == "bound"}
    while more := {w for w, following in after.items() if w not in ended and following & ended}:
        ended |= more
    assert ended == set(after)
