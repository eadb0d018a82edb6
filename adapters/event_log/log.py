"""The log opened for appending (domain.ports.EventLog)."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Self

from eventsourcing.persistence import StoredEvent

from adapters.event_log import recorder, schema
from adapters.event_log.creation import create_log
from adapters.event_log.high_water import HighWater, Mark
from adapters.event_log.opening import log_keys, require_extends_mark, require_sound, require_store_keys
from adapters.event_log.reader import LogReader
from adapters.event_log.sealing import Terms
from adapters.event_log.signing import FindKey, Signing
from adapters.keys import ed25519
from domain.errors import StoreError
from domain.ledger.bulk import read_row
from domain.ledger.entry import Draft, Entry, Head
from domain.ledger.key_changes import KEY_STREAM
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Signer, Verify


class SqliteEventLog:
    """One store's log. Several processes may have it open and append: SQLite's write lock puts them in a row."""

    def __init__(
        self,
        path: Path,
        mark_path: Path,
        *,
        log_signer: Signer | None,
        event_signer: Signer | None,
        find_key: FindKey = lambda public_key: None,
        lock_timeout_s: float = schema.LOCK_TIMEOUT_S,
    ) -> None:
        """Opens, after cheap checks that this is the log that was left: see adapters.event_log.opening.

        A signer is None where its key is lost: then only an event by which the root replaces it can be appended.
        `find_key` finds the keys that events put in force.
        Raises NotFound, BadInput, UnknownFormat (the file), KeyUnusable (another store's keys), Tampered (it lost or
        changed events), Busy, Failed.
        """
        self._reader = LogReader(path, lock_timeout_s=lock_timeout_s, long_reads=lambda: read_row)
        try:
            schedule = self._reader.key_schedule(ed25519.verify)
            signing = Signing(log_signer, event_signer, find_key, schedule.changes)
            require_store_keys(self._reader, schedule, signing)
            self._high_water = self._open_mark(mark_path)
            # The mark before the head: an append by another process in between makes the head higher, never lower.
            mark = self._high_water.read()
            head = self._reader.head_row()
            require_sound(self._reader, head, schedule, ed25519.verify)
            require_extends_mark(self._reader, head, mark, mark_path)
            self._high_water.advance(Mark(head.checkpoint, head.frontier))
        except StoreError:
            self._reader.close()
            raise
        self._signing = signing
        self._factory = recorder.factory(path, signing, lock_timeout_s=lock_timeout_s)
        self._recorder = self._factory.application_recorder()

    @classmethod
    def create(
        cls,
        path: Path,
        mark_path: Path,
        origin: str,
        drafts: Sequence[Draft],
        *,
        log_signer: Signer,
        event_signer: Signer,
        actor: str,
        operation: str,
        now_us: int,
        lock_timeout_s: float = schema.LOCK_TIMEOUT_S,
    ) -> Self:
        """A new log that begins with `drafts` (the first: store.initialised), opened; an existing one is only opened.

        Raises as opening does, and Refused where the high-water mark shows that a longer log was lost.
        """
        signing = Signing(log_signer, event_signer)
        create_log(path, mark_path, origin, signing, drafts, actor=actor, operation=operation, now_us=now_us)
        return cls(path, mark_path, log_signer=log_signer, event_signer=event_signer, lock_timeout_s=lock_timeout_s)

    def _open_mark(self, mark_path: Path) -> HighWater:
        schedule = self._reader.key_schedule(ed25519.verify)
        return HighWater(mark_path, log_keys(schedule, self._reader.origin), ed25519.verify)

    @property
    def path(self) -> Path:
        return self._reader.path

    @property
    def origin(self) -> str:
        return self._reader.origin

    @property
    def reader(self) -> LogReader:
        return self._reader

    def close(self) -> None:
        # The writer last: the last connection to close moves what is in the -wal file into the log itself, and a
        # reading one may not.
        self._reader.close()
        self._factory.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def head(self) -> Head:
        return self._reader.head()

    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]:
        """As LogReader.entries."""
        return self._reader.entries(start, stop, kinds=kinds, reverse=reverse)

    def key_schedule(self, verify: Verify | None = None) -> KeySchedule:
        """As LogReader.key_schedule."""
        return self._reader.key_schedule(verify)

    def append(
        self, drafts: Sequence[Draft], *, expected: int, actor: str, operation: str, now_us: int
    ) -> tuple[Entry, ...]:
        """As domain.ports.EventLog.append; raises Conflict, Busy, BadInput (an event that cannot be recorded), Failed.

        Failed after the commit (the mark cannot be written) leaves the events in the log: the next try meets Conflict.
        """
        if not drafts:
            return ()
        changes_keys = any(draft.stream == KEY_STREAM for draft in drafts)
        if changes_keys:
            self._require_allowed(drafts, expected)
        versions = self._reader.next_versions([draft.stream for draft in drafts])
        events = []
        for draft in drafts:
            events.append(StoredEvent(draft.stream, versions[draft.stream], draft.kind, draft.payload))
            versions[draft.stream] += 1
        terms = Terms(expected, actor, operation, now_us, [draft.schema for draft in drafts])
        with recorder.translated(self.path):
            self._recorder.insert_events(events, terms=terms)
        if changes_keys:
            self._signing = self._recorder.signing = self._signing.after(drafts)
            self._high_water = self._open_mark(self._high_water.path)
        # Committed and on disk. A crash here leaves the log ahead of the mark: opening finds that it extends it, and
        # raises the mark.
        sealed = terms.sealed[-1]
        self._high_water.advance(Mark(sealed.head.checkpoint, sealed.head.frontier))
        return sealed.entries

    def _require_allowed(self, drafts: Sequence[Draft], expected: int) -> None:
        """A change of keys that verification would not accept must not get into the log. Raises BadInput."""
        schedule = self._reader.key_schedule(ed25519.verify)
        for index, draft in enumerate(drafts, expected):
            schedule.learn(index, draft.stream, draft.kind, draft.schema, draft.payload)
