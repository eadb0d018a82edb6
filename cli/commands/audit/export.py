"""`storectl audit export`."""

import hashlib
from pathlib import Path

import click

from adapters.files.static_files import StaticDirectory
from application.audit.tiling import export_tiles
from cli.exports import record_export
from cli.options import global_options
from cli.output import many
from cli.proving import prover, tree_rows
from cli.session import Session, pass_session
from domain.events.audit import AuditExported


@click.command("export")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="PATH", help="Where to write.")
@click.option("--format", "form", type=click.Choice(["tiles"]), default="tiles", show_default=True)
@click.option("--record/--no-record", default=True, show_default=True,
              help="Record the export as an event, where the store can be written.")  # fmt: skip
@global_options
@pass_session
def export(session: Session, output: Path, form: str, record: bool) -> None:
    """The log for auditors.

    \b
    Example:
      storectl audit export --format tiles -o /srv/www/log
    """
    tree = tree_rows(session)
    made = prover(session)
    written = export_tiles(session.reader(), tree, made, StaticDirectory(output))
    sha256 = hashlib.sha256(made.head.checkpoint.encode()).hexdigest()
    if record:
        record_export(session, AuditExported("tiles", 1, written.size, written.size, (), sha256))
    if session.out.json:
        session.out.answer({"format": form, "path": str(output), "size": written.size, "sha256": sha256,
                            "written": written.written, "kept": written.kept})  # fmt: skip
    else:
        session.out.line(
            f"{output}: {many(written.size, 'event')}, {written.written} files written, {written.kept} kept"
        )
