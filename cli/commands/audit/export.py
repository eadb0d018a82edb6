"""`storectl audit export`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import click

from adapters.files.archive import new_archive
from adapters.files.static_files import StaticDirectory
from application.audit.exporting import Events, Wanted, anchors, export_bundle
from application.audit.tiling import export_tiles
from application.audit.viewing import FORMS, Form, view
from cli.commands.history import check_types
from cli.events import find_in_history
from cli.exports import place_verifier, read_note, record_export, sha256_of, write_file, write_to_stdout
from cli.options import global_options
from cli.output import many, size
from cli.proving import prover, tree_rows
from cli.publishing import published_files
from cli.ranges import parse_range
from cli.session import Session, pass_session
from domain.bundle.manifest import Coverage, Filters, statement
from domain.errors import Failed, Usage
from domain.events.audit import AuditExported
from domain.ledger.checkpoint import parse_checkpoint, parse_note

FORMATS = ("bundle", "tiles", *FORMS)


@dataclass(frozen=True)
class _Done:
    """What was written: the event that records it, and the answer's own fields."""

    event: AuditExported
    answer: dict[str, object]
    words: str


@click.command("export")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="PATH",
              help="Where to write: a file, a directory for tiles; - for stdout, of what is for reading.")  # fmt: skip
@click.option("--format", "form", type=click.Choice(FORMATS), default="bundle", show_default=True,
              help="bundle is evidence, tiles are the whole log; the others are for reading.")  # fmt: skip
@click.option("--since", metavar="T|P", help="From this time or position on, or '2h', '7d' ago.")
@click.option("--until", metavar="T|P", help="Up to this time or position.")
@click.option("--target", help="Only what concerns this image, layer or deployment.")
@click.option("--type", "types", multiple=True, help="Only this type of event (ImageBound, …); may be repeated.")
@click.option("--operation", metavar="ID", help="Only this operation's events; a prefix will do.")
@click.option("--actor", help="Only what this actor did.")
@click.option("--against", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="A checkpoint that the auditor holds: the bundle will lead from it.")  # fmt: skip
@click.option("--record/--no-record", default=True, show_default=True,
              help="Record the export as an event, where the store can be written.")  # fmt: skip
@global_options
@pass_session
def export(
    session: Session, output: Path, form: str, since: str | None, until: str | None, target: str | None,
    types: tuple[str, ...], operation: str | None, actor: str | None, against: tuple[Path, ...], record: bool,
) -> None:  # fmt: skip
    """Events for auditors. A bundle is one file that is checked anywhere, without this store.

    Without filters a bundle shows that nothing in its range was left out. With --target, --type, --operation or --actor
    it shows that each event in it is in the log: inclusion, not completeness. verify_bundle.py, which checks it, is
    written beside it. tiles is the whole log as a C2SP tlog-tiles directory, for any web server.

    \b
    Examples:
      storectl audit export --since 2026-11-01 --until 2026-11-30T23:59:59Z -o november.bundle
      storectl audit export --format tiles -o /srv/www/log
      storectl audit export --format ocsf --since 1h -o - >> /var/log/storectl.ocsf
    """
    check_types(types)
    named = find_in_history(session, target) if target else None
    filters = Filters(named, types, operation, actor)
    if form == "tiles" and (filters or since or until):
        raise Usage("tiles are the whole log: no range, no filters")
    if str(output) == "-" and form in ("bundle", "tiles"):
        raise Usage(f"{form} cannot be written to stdout", hint="name a place with -o")
    if against and form != "bundle":
        raise Usage("--against is for bundles: nothing else leads from a checkpoint")
    session.out.progress(f"exporting events as {form}")
    if form == "tiles":
        done = _tiles(session, output)
    elif form == "bundle":
        done = _bundle(session, output, (since, until), filters, against)
    else:
        done = _view(session, output, (since, until), filters, form)
    if record:
        record_export(session, done.event)
    if str(output) == "-":
        return
    if session.out.json:
        session.out.answer({"format": form, "path": str(output), "size": done.event.size, "sha256": done.event.sha256,
                            **done.answer})  # fmt: skip
    else:
        session.out.line(f"{output}: {done.words}")


def _bundle(
    session: Session, output: Path, asked: tuple[str | None, str | None], filters: Filters, against: tuple[Path, ...]
) -> _Done:
    _require_file(output)
    made = prover(session)
    start, stop = parse_range(session, made.head, *asked)
    published = anchors(published_files(session).notes(), start, stop, made.head.size)
    notes = [*(read_note(path) for path in against), *published]
    coverage = export_bundle(session.reader(), made, Wanted(start, stop, filters, notes), new_archive(output))
    verifier = place_verifier(session, output.parent)
    count, sha256 = output.stat().st_size, sha256_of(output)
    event = AuditExported("bundle", coverage.first, coverage.last, coverage.size, filters.words(), sha256)
    answer: dict[str, object] = {
        "proves": coverage.proves, "first": coverage.first, "last": coverage.last, "events": coverage.count,
        "bytes": count, "verifier": str(verifier) if verifier else None,
    }  # fmt: skip
    return _Done(event, answer, f"{_words(coverage)}, {size(count)}\n{statement(coverage.proves)}")


def _require_file(output: Path) -> None:
    if output.is_dir():
        raise Failed(f"{output} is a directory", hint="name the file to write")


def _view(session: Session, output: Path, asked: tuple[str | None, str | None], filters: Filters, form: str) -> _Done:
    head = session.reader().head()
    events = Events(session.reader(), Wanted(*parse_range(session, head, *asked), filters), head.size)
    pieces = view(events, cast("Form", form), parse_checkpoint(parse_note(head.checkpoint).text))
    if str(output) == "-":
        sha256 = write_to_stdout(pieces)
    else:
        _require_file(output)
        sha256 = write_file(output, pieces)
    coverage = events.coverage
    event = AuditExported(form, coverage.first, coverage.last, coverage.size, filters.words(), sha256)
    answer: dict[str, object] = {"first": coverage.first, "last": coverage.last, "events": coverage.count}
    return _Done(event, answer, f"{_words(coverage)}, as {form}: for reading, it proves nothing")


def _words(coverage: Coverage) -> str:
    where = f", positions {coverage.first} to {coverage.last} of {coverage.size}" if coverage.count else ""
    return many(coverage.count, "event") + where


def _tiles(session: Session, output: Path) -> _Done:
    tree, made = tree_rows(session), prover(session)
    written = export_tiles(session.reader(), tree, made, StaticDirectory(output))
    sha256 = hashlib.sha256(made.head.checkpoint.encode()).hexdigest()
    event = AuditExported("tiles", 1, written.size, written.size, (), sha256)
    answer: dict[str, object] = {"written": written.written, "kept": written.kept}
    return _Done(event, answer, f"{many(written.size, 'event')}, {written.written} files written, {written.kept} kept")
