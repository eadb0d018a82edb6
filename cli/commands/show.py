"""`storectl show`."""

import json

import click

from cli.events import event_json, signature_holds
from cli.options import global_options
from cli.session import Session, pass_session
from domain.errors import NotFound, Tampered
from domain.events.codec import decode
from projections.history import words


@click.command("show")
@click.argument("position", type=click.IntRange(min=1))
@global_options
@pass_session
def command(session: Session, position: int) -> None:
    """One event whole: its data, its bytes' hash, its signature and whether that holds.

    \b
    Example:
      storectl show 12
    """
    reader = session.reader()
    if position > reader.size:
        raise NotFound(f"there is no event {position}: the log has {reader.size}", hint="'storectl history' lists them")
    entry = reader.entry(position)
    holds = signature_holds(session, entry)
    event = decode(entry)
    document = event_json(session, entry, event) | {
        "signature_valid": holds,
        "stream": entry.stream,
        "schema": entry.schema,
    }
    if session.out.json:
        session.out.answer(document)
    else:
        session.out.line(f"event {position}: {words(event)}")
        for name, value in document.items():
            if name != "data":
                session.out.line(f"  {name:<16}{value}")
        session.out.line("  data")
        for text in json.dumps(document["data"], indent=2, ensure_ascii=False).splitlines():
            session.out.line("    " + text)
    if not holds:
        raise Tampered(
            f"the signature of event {position} does not hold", hint="'storectl verify' checks the whole log"
        )
