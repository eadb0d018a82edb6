"""Making a new log: aside, whole, on disk, and only then in its place."""

import os
from collections.abc import Sequence
from pathlib import Path

from eventsourcing.persistence import StoredEvent

from adapters.event_log import recorder
from adapters.event_log.high_water import HighWater, Mark, sync_directory
from adapters.event_log.reader import LogReader
from adapters.event_log.sealing import Terms
from adapters.event_log.signing import Signing
from adapters.keys import ed25519
from domain.errors import BadInput, Failed, Refused
from domain.ledger.entry import Draft
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import VerifierKey, is_key_name


def create_log(
    path: Path, mark_path: Path, origin: str, signing: Signing, drafts: Sequence[Draft], *, actor: str, operation: str,
    now_us: int,
) -> None:  # fmt: skip
    """A log at `path` that begins with `drafts`, with its high-water mark. Does nothing where there is one already.

    A crash before the last step leaves no log, and the next call begins anew.
    Raises Refused where the mark shows that there was a longer log; BadInput, Failed.
    """
    if path.exists():
        return
    _require_genesis(origin, signing, drafts)
    high_water = HighWater(mark_path, [VerifierKey(origin, signing.of_log().public_key)], ed25519.verify)
    _require_no_other(path, mark_path, high_water, len(drafts))
    aside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        for left in (aside, aside.with_name(f"{aside.name}-wal"), aside.with_name(f"{aside.name}-shm")):
            left.unlink(missing_ok=True)
        os.close(os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
        _write(aside, origin, signing, drafts, Terms(0, actor, operation, now_us, [draft.schema for draft in drafts]))
        with LogReader(aside) as reader:
            head = reader.head_row()
        for left in (aside.with_name(f"{aside.name}-wal"), aside.with_name(f"{aside.name}-shm")):
            left.unlink(missing_ok=True)  # empty: all is in the file itself
        # The mark comes first: a log without a mark is refused, a mark of a log that never came to be is replaced.
        high_water.create(Mark(head.checkpoint, head.frontier))
        aside.rename(path)
        sync_directory(path.parent)
    except OSError as error:
        raise Failed(f"cannot make the event log {path}: {error.strerror}") from error


def _write(aside: Path, origin: str, signing: Signing, drafts: Sequence[Draft], terms: Terms) -> None:
    factory = recorder.factory(aside, signing, origin=origin)
    versions: dict[str, int] = {}
    events = []
    for draft in drafts:
        versions[draft.stream] = versions.get(draft.stream, -1) + 1
        events.append(StoredEvent(draft.stream, versions[draft.stream], draft.kind, draft.payload))
    with recorder.translated(aside):
        try:
            factory.application_recorder().insert_events(events, terms=terms)
            with factory.datastore.get_connection(commit=True) as connection:
                # Nothing may stay in the -wal file: it would not be renamed along.
                cursor = connection.cursor()
                cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)")
                busy = cursor.fetchone()[0]
        finally:
            factory.close()
    if busy:
        raise Failed(f"another program reads {aside} while it is being made")
    descriptor = os.open(aside, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _require_genesis(origin: str, signing: Signing, drafts: Sequence[Draft]) -> None:
    """The trust that verification starts from has to be right, for ever: no later event can mend the first."""
    if not drafts or not is_key_name(origin):
        raise BadInput(f"a log cannot begin with origin {origin!r} and {len(drafts)} events")
    schedule = KeySchedule(ed25519.verify)
    for index, draft in enumerate(drafts):
        schedule.learn(index, draft.stream, draft.kind, draft.schema, draft.payload)
    schedule.require_certified()
    keys = (schedule.current("log"), schedule.current("event"))
    named = schedule.genesis.origin if schedule.genesis else ""
    if (named, *keys) != (origin, signing.of_log().public_key, signing.of_event().public_key):
        raise BadInput("the first event does not name the origin and the keys that the log is made with")


def _require_no_other(path: Path, mark_path: Path, high_water: HighWater, events: int) -> None:
    mark = high_water.read()
    if mark is not None and mark.size > events:
        raise Refused(
            f"the event log {path} is gone, but {mark_path} says that it had {mark.size} events",
            hint="restore the log from a backup, or rebuild the store elsewhere",
        )
