"""Backing up: the log as it was at one moment, and whatever its graph needs, while others go on working.

No lock is held. The log is copied first; then the content that the copy's graph names is copied by digest. What garbage
collection takes away meanwhile is not there to be copied: then the log has moved on as well, and the run begins again
with a newer copy of it, which does not need that content any more.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from application.audit.verifying import Trust, verify_log
from application.graph_cache import Cache
from application.graphs import graph_at_head
from application.inventory import complete
from domain.archive_ports import Backups, LogCopy, PastLog, Progress
from domain.backups import ArchivedImage, Generation, Lacking
from domain.errors import StoreError, Tampered
from domain.events.recovery import BackupWritten, DrillHeld
from domain.graph import ImageNode, ReferenceGraph
from domain.ledger.keys import VerifierKey, Verify
from domain.ports import Clock, ContainerStore
from domain.times import format_time
from domain.values import Commit

_TRIES = 5
_OF_RECOVERY = (BackupWritten.kind, DrillHeld.kind)
Reopen = Callable[[], ReferenceGraph]
"""The graph at the live log's head, as it is when this is called."""


@dataclass(frozen=True, slots=True)
class Source:
    """What is backed up: the store's log through `live`, its images; `cache` has the graph to begin with."""

    store: ContainerStore
    live: Reopen
    cache: Cache
    clock: Clock
    verify: Verify
    progress: Progress


@dataclass(frozen=True, slots=True)
class BackedUp:
    """The generation that holds the store as it is; `fresh` is False where an older one does already."""

    generation: Generation
    fresh: bool
    bytes: int


def back_up(source: Source, backups: Backups, *, content: bool) -> BackedUp:
    """One generation, whole and read back, or none. Raises Tampered for a log that does not hold, Failed."""
    newest = _newest(backups)
    try:
        for attempt in range(_TRIES):
            with backups.copy_log() as log:
                copied = _described(log, source.verify)
                if newest is not None and _unchanged(newest, log, copied, content) and not backups.problems(newest):
                    backups.discard()
                    return BackedUp(newest, False, backups.written)
                graph = graph_at_head(log, source.cache)
            images, lacking = _images(source, backups, graph) if content else ([], [])
            commits, missing = _commits(source, backups, graph) if content else ([], [])
            gone = [each for each in (*lacking, *missing) if not _still_needed(each, source.live())]
            if gone and attempt < _TRIES - 1:
                source.progress(f"{len(gone)} things were removed meanwhile: beginning again with a newer log")
                continue
            time = format_time(source.clock.now_us())
            made = backups.finish(time, copied, images if content else None, commits, [*lacking, *missing])
            return BackedUp(made, True, backups.written)
    except StoreError:
        backups.discard()
        raise
    raise AssertionError("the loop returns or raises")


def _newest(backups: Backups) -> Generation | None:
    try:
        return backups.newest()
    except StoreError:
        return None  # damaged: a new one is all the more wanted


def _described(log: PastLog, verify: Verify) -> LogCopy:
    """The copy checked whole, against the keys that it names itself: what is copied must be worth keeping."""
    genesis = log.genesis()
    key = VerifierKey(genesis.origin, log.key_schedule().current("log"))
    verdict = verify_log(log, Trust(key), verify)
    # A log with events that nobody can be held to (a revoked key's) is whole, and worth keeping.
    if verdict.verdict == "tampered":
        first = verdict.findings[0]
        where = f"event {first.position}: " if first.position else ""
        raise Tampered(
            f"the log does not hold, and is not backed up: {where}{first.problem}", hint="see 'storectl verify'"
        )
    return LogCopy(genesis.store, genesis.origin, str(key), verdict.size, verdict.root_hash)


def _unchanged(newest: Generation, log: PastLog, copied: LogCopy, content: bool) -> bool:
    """Whether the newest generation is of this log, and nothing but backups and drills were recorded since."""
    if (newest.origin, newest.vkey) != (copied.origin, copied.vkey) or (content and not newest.content):
        return False
    return newest.size <= copied.size and all(
        entry.kind in _OF_RECOVERY for entry in log.entries(newest.size + 1)
    ) and not newest.lacking  # fmt: skip


def _wanted(graph: ReferenceGraph) -> Iterator[ImageNode]:
    """What the live set needs, and whatever else is managed and there."""
    for node in graph.images.values():
        if node.holds or (node.managed and node.present):
            yield node


def _images(source: Source, backups: Backups, graph: ReferenceGraph) -> tuple[list[ArchivedImage], list[Lacking]]:
    found, lacking = [], []
    for node in _wanted(graph):
        view = source.store.view()
        stored = view.images.get(node.id)
        if stored is None or not complete(stored, view):
            lacking.append(Lacking(node.id, f"image {node.id[:12]} is not whole in the store"))
            continue
        try:
            source.progress(f"image {node.id[:12]}")
            found.append(backups.images.add(stored, view, source.progress))
        except StoreError as error:
            lacking.append(Lacking(node.id, error.message))
    return found, lacking


def _commits(source: Source, backups: Backups, graph: ReferenceGraph) -> tuple[list[Commit], list[Lacking]]:
    found, lacking = [], []
    for commit in sorted({node.commit for node in graph.deployments.values()}):
        try:
            source.progress(f"commit {commit[:12]}")
            backups.commits.add(commit)
            found.append(commit)
        except StoreError as error:
            lacking.append(Lacking(commit, error.message))
    return found, lacking


def _still_needed(lacking: Lacking, graph: ReferenceGraph) -> bool:
    commits = {node.commit for node in graph.deployments.values()}
    return lacking.target in commits or lacking.target in {node.id for node in _wanted(graph)}
