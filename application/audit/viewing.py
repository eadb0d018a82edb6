"""Events for reading, and for the programs that auditors have: JSON Lines, CSV, OCSF, syslog, a page."""

from collections.abc import Callable, Iterator
from typing import Literal

from application.audit.bundle_reading import Event
from application.audit.exporting import Events
from domain.bundle.manifest import Facts
from domain.bundle.report import report
from domain.bundle.rows import Document, event_line
from domain.errors import UnknownFormat
from domain.events.codec import decode
from domain.ledger.checkpoint import Checkpoint
from domain.ledger.record import entry_of
from projections.history import words
from projections.views import ocsf, syslog, tables

Form = Literal["jsonl", "csv", "ocsf", "syslog", "html"]
FORMS: tuple[Form, ...] = ("jsonl", "csv", "ocsf", "syslog", "html")


def view(events: Events, form: Form, head: Checkpoint) -> Iterator[bytes]:
    """The view, piece by piece. Raises Tampered where a record is not what its leaf hash says."""
    if form == "html":
        facts = Facts(events.store, head, events.coverage, events.filters)
        yield from report(facts, (_told(events.document(event), event) for event in events.chosen()), view=True)
        return
    if form == "csv":
        yield tables.heading()
    line = _LINES[form]
    for event in events.chosen():
        yield line(events.document(event), event)


def _told(document: Document, event: Event) -> Document:
    """The page says first what happened, in words."""
    return {**document, "data": {"what": _words(event), **document["data"]}}


def _words(event: Event) -> str:
    """As `history` says it; the kind alone where it is a newer version's."""
    try:
        return words(decode(entry_of(event.body, event.parts, event.leaf)))
    except UnknownFormat:
        return event.body.kind


_LINES: dict[str, Callable[[Document, Event], bytes]] = {
    "jsonl": lambda document, event: event_line(document),
    "csv": lambda document, event: tables.row(document, _words(event)),
    "ocsf": lambda document, event: ocsf.line(document, _words(event), event.body.time_us),
    "syslog": lambda document, event: syslog.line(document, _words(event)),
}
