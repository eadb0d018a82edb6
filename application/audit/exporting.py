"""A bundle for an auditor: a range of events, or a selection, with all that it takes to check them elsewhere.

Streams: the events are read once for each file that they go into, and memory does not grow with their number.
"""

import base64
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Protocol

from application.audit.bundle_reading import Event, read_event
from application.audit.proving import Prover
from domain.bundle import manifest as files
from domain.bundle.guide import TEXT
from domain.bundle.manifest import Coverage, Facts, Filters, Member, manifest
from domain.bundle.report import report
from domain.bundle.rows import Document, event_document, event_line, type_of
from domain.errors import Tampered
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.keys import parse_genesis
from domain.ledger.raw import RawRow
from domain.ledger.record import leaf_hash
from domain.ledger.tiles import entry_bundle

MAX_BETWEEN = 100
_VERIFY = "'storectl verify' tells what is wrong where"


class LogRows(Protocol):
    def rows(self, start: int = 1, stop: int | None = None) -> Iterator[RawRow]: ...

    def key_positions(self, size: int) -> Sequence[int]:
        """Of the events among the first `size` that say which keys sign, in order; the log's first is one."""


class Sink(Protocol):
    """The archive: members one after another."""

    def begin(self, name: str) -> None: ...

    def write(self, data: bytes) -> None: ...

    def end(self) -> tuple[int, str]:
        """Size and SHA-256 (hex) of the member."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Indexes [start, stop), narrowed by the filters. `anchors` are earlier checkpoints (signed notes) to lead from."""

    start: int
    stop: int
    filters: Filters = field(default_factory=Filters)
    anchors: Sequence[str] = ()


def export_bundle(log: LogRows, prover: Prover, wanted: Wanted, archive: AbstractContextManager[Sink]) -> Coverage:
    """Write the bundle; what it covers. Raises Tampered where the log's bytes do not give its signed root, and then
    nothing is left; Failed.
    """
    events = Events(log, wanted, prover.head.size)
    facts = Facts(events.store, parse_checkpoint(parse_note(prover.head.checkpoint).text), events.coverage,
                  wanted.filters)  # fmt: skip
    written: dict[str, Member] = {}

    def add(name: str, pieces: Iterable[bytes]) -> None:
        sink.begin(name)
        for piece in pieces:
            sink.write(piece)
        written[name] = Member(*sink.end())

    with archive as sink:
        add(files.CHECKPOINT, [prover.head.checkpoint.encode()])
        add(files.KEYS, (_key_line(prover, event) for event in events.about_keys()))
        add(files.PROOF, events.proof(prover))
        add(files.RECORDS, events.records())
        add(files.EVENTS, map(event_line, events.documents()))
        add(files.ANCHORS, _anchor_lines(prover, wanted.anchors))
        sample = next(events.chosen(), None) or events.at(0)
        proof = prover.inclusion(sample.body.leaf_index, sample.leaf)
        add(files.SAMPLE, [sample.record])
        add(files.SAMPLE_PROOF, [str(proof).encode()])
        add(files.SAMPLE_SPICY, [proof.spicy.encode()])
        add(files.REPORT, report(facts, events.documents()))
        add(files.GUIDE, [TEXT.encode()])
        add(files.MANIFEST, [manifest(facts, written)])
    return events.coverage


def anchors(notes: Iterable[str], start: int, stop: int, size: int) -> list[str]:
    """Which published checkpoints go into a bundle of indexes [start, stop): those in between (a hundred at most), the
    last one before, the first one after, whose witnesses saw all these events soonest, and the newest.
    """
    by_size = sorted((parse_checkpoint(parse_note(note).text).size, note) for note in notes)
    known = [(at, note) for at, note in by_size if 0 < at <= size]
    before = [note for at, note in known if at <= start]
    between = [note for at, note in known if start < at < stop]
    after = [note for at, note in known if at >= stop]
    chosen = [*before[-1:], *between[-MAX_BETWEEN:], *after[:1], *after[-1:]]
    return list(dict.fromkeys(chosen))


class Events:
    """The events of one export, read anew each time they are asked for, and what they cover."""

    def __init__(self, log: LogRows, wanted: Wanted, size: int) -> None:
        self._log = log
        self._wanted = wanted
        self.filters = wanted.filters
        self._complete = not wanted.filters
        genesis = self.at(0)
        self.store = parse_genesis(genesis.body.kind, genesis.body.payload).store
        # With the neighbours, where there are any.
        self._first, self._stop = max(wanted.start - 1, 0), min(wanted.stop + 1, size)
        self._size = size
        self.coverage = Coverage("completeness" if self._complete else "inclusion", size)
        self._cover()

    def at(self, index: int) -> Event:
        return next(self._read(index, index + 1))

    def chosen(self) -> Iterator[Event]:
        """What was asked for."""
        for event in self._read(self._wanted.start, self._wanted.stop, self._may_fit()):
            if self._complete or self._wanted.filters.takes(self.document(event)):
                yield event

    def documents(self) -> Iterator[Document]:
        """The same in their public form."""
        return map(self.document, self.chosen())

    def about_keys(self) -> Iterator[Event]:
        return (self.at(position - 1) for position in self._log.key_positions(self._size))

    def proof(self, prover: Prover) -> Iterator[bytes]:
        """One hash a line for a range; one event a line for a selection."""
        if self._complete:
            hashes = prover.range_proof(self._first, self._stop, lambda: (event.leaf for event in self._range()))
            yield from (base64.b64encode(node) + b"\n" for node in hashes)
            return
        for event in self.chosen():
            yield _joined(prover.inclusion(event.body.leaf_index, event.leaf).hashes) + b"\n"

    def records(self) -> Iterator[bytes]:
        """The records, framed: of a range with its neighbours."""
        return (entry_bundle([event.record]) for event in (self._range() if self._complete else self.chosen()))

    def _range(self) -> Iterator[Event]:
        return self._read(self._first, self._stop)

    def _cover(self) -> None:
        coverage, wanted = self.coverage, self._wanted
        if self._complete:
            coverage.first, coverage.last = wanted.start + 1, wanted.stop
            coverage.count = wanted.stop - wanted.start
            coverage.before = self.at(self._first).body.time_us if self._first < wanted.start else None
            coverage.after = self.at(self._stop - 1).body.time_us if self._stop > wanted.stop else None
            return
        for event in self.chosen():
            coverage.first = coverage.first or event.body.leaf_index + 1
            coverage.last = event.body.leaf_index + 1
            coverage.count += 1

    def _may_fit(self) -> Callable[[RawRow], bool] | None:
        types = self._wanted.filters.types
        return (lambda row: type_of(str(row.kind)) in types) if types else None

    def _read(self, start: int, stop: int, fits: Callable[[RawRow], bool] | None = None) -> Iterator[Event]:
        for row in self._log.rows(start + 1, stop):
            if fits is None or fits(row):
                yield _event(row)

    def document(self, event: Event) -> Document:
        """One event as events.jsonl has it."""
        return event_document(self.store, event.record, event.parts, event.body, event.leaf)


def _event(row: RawRow) -> Event:
    if type(row.record) is not bytes or leaf_hash(row.record) != row.leaf_hash:
        raise Tampered(f"event {row.position}: its leaf hash is not that of its record", hint=_VERIFY)
    event = read_event(row.record)
    if event.body.leaf_index != row.position - 1:
        raise Tampered(f"event {row.position}: it was signed for position {event.body.leaf_index + 1}", hint=_VERIFY)
    return event


def _key_line(prover: Prover, event: Event) -> bytes:
    path = prover.inclusion(event.body.leaf_index, event.leaf).hashes
    return _line({
        "index": event.body.leaf_index, "record": _text(event.record), "path": [_text(node) for node in path],
    })  # fmt: skip


def _anchor_lines(prover: Prover, notes: Iterable[str]) -> Iterator[bytes]:
    sized = {note: parse_checkpoint(parse_note(note).text) for note in notes}
    for note, anchor in sorted(sized.items(), key=lambda item: (item[1].size, item[0])):
        found = prover.consistency(anchor.size)
        if found.old_root != anchor.root_hash:
            raise Tampered(
                f"the log does not continue the checkpoint of {anchor.size} events that was taken of it", hint=_VERIFY
            )
        yield _line({"note": note, "hashes": [_text(node) for node in found.hashes]})


def _line(document: dict[str, object]) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode() + b"\n"


def _joined(hashes: Iterable[bytes]) -> bytes:
    return b" ".join(map(base64.b64encode, hashes))


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
