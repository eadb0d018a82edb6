"""Replaying: a store rebuilt in an empty sysroot from what a log recorded, and held against that log in the end."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

from application.host import Host
from application.procedures import carry_out, intent_of
from application.recovery.comparing import Comparison, compare
from application.recovery.past import Past, events_up_to, read_past
from application.recovery.replay_records import rebuilt
from application.recovery.replay_steps import Places, Rebuilding
from domain.archive_ports import PastLog
from domain.decisions import replaying as steps
from domain.errors import Failed
from domain.events.codec import decode
from domain.events.recovery import ReplayCompared
from domain.events.store import Drift
from domain.graph import OpenOperation
from domain.ports import RegistryOptions

_RECORDED = 30
_MOST_WORDS = 1_200


@dataclass(frozen=True, slots=True)
class ReplayIntent:
    """`log`: the name of the past log that is replayed; empty: this very log, which goes on. `position`: as it was
    then. The places are those of `replay_steps.Places`.
    """

    log: str
    position: int
    full: bool
    incomplete: bool
    layout: str
    commits: str
    registry_host: str
    registry: RegistryOptions


def replay(host: Host, intent: ReplayIntent) -> ReplayCompared:
    """Rebuild, compare, record; what differs is told, not raised."""
    operation = host.journal.begin(REPLAYING.command, intent)
    carry_out(host, REPLAYING, operation)
    return last_comparison(host)


def last_comparison(host: Host) -> ReplayCompared:
    """The outcome of the newest replay in this log."""
    event = decode(next(host.journal.log.entries(kinds=[ReplayCompared.kind], reverse=True)))
    assert isinstance(event, ReplayCompared)
    return event


class _Replaying:
    command = "replay"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(ReplayIntent, operation)
        places = Places(intent.layout, intent.commits, intent.registry_host, intent.registry)
        with _opened(host, intent) as log:
            past = read_past(log, intent.position)
            run = Rebuilding(host, past, places, intent.incomplete)
            host.store.create()
            host.journal.step("container store made")
            for step in _steps(log, past, full=intent.full):
                run.carry_out(step)
        _links_and_names(host, past)
        host.journal.record(*rebuilt(host, operation, past, run.sources), operation=operation.id)
        _record(host, operation, _explained(compare(host, past), past, run.lacking))
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:  # noqa: ARG002 (a Procedure's signature)
        return "what was rebuilt so far stays; the same 'storectl replay' goes on with it"


def _opened(host: Host, intent: ReplayIntent) -> AbstractContextManager[PastLog]:
    if not intent.log:
        return nullcontext(host.journal.log)  # type: ignore[arg-type]
    if host.past is None:
        raise Failed("the log that this store is replayed from cannot be opened here")
    return host.past.open(intent.log)


def _steps(log: PastLog, past: Past, *, full: bool) -> Iterator[steps.Step]:
    if not full:
        yield from steps.shortest(past.graph, past.stateroots)
        return
    yield from steps.every(events_up_to(log, past.position))
    yield from steps.closing(past.graph, past.recorded.images)


def _links_and_names(host: Host, past: Past) -> None:
    """Layers are found under every name that they ever had, images under the names of then."""
    view = host.store.view()
    host.store.restore_links(
        {layer: past.recorded.links[layer] for layer in view.layers if layer in past.recorded.links}
    )
    names = {
        name: past.graph.images[name].names
        for name, stored in view.images.items()
        if name in past.graph.images and sorted(stored.names) != sorted(past.graph.images[name].names)
    }
    if names:
        host.store.put_names(names)
    host.journal.step("links and names")


def _explained(found: Comparison, past: Past, lacking: dict[str, Drift]) -> Comparison:
    """Each difference with the reason why it could not be had; and what failed on the way, if it matters in the end."""
    told = tuple(
        Drift(each.kind, each.target, f"{each.detail}: {lacking[each.target].detail}")
        if each.kind == "missing" and each.target in lacking
        else each
        for each in found.differences
    )
    named = {each.target for each in told}
    wanted = {*past.graph.images, *past.graph.deployments, *past.stateroots, "deployments"}
    others = tuple(each for name, each in lacking.items() if name not in named and name in wanted)
    return Comparison(found.compared, (*told, *others))


def _record(host: Host, operation: OpenOperation, found: Comparison) -> None:
    told = tuple(Drift(each.kind, each.target, each.detail[:_MOST_WORDS]) for each in found.differences[:_RECORDED])
    event = ReplayCompared(found.compared, len(found.differences), told)
    host.journal.record(event, operation=operation.id)


REPLAYING = _Replaying()
