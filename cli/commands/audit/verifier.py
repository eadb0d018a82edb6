"""`storectl audit verifier`."""

from pathlib import Path

import click

from adapters.files.state_directory import replace_bytes
from cli.exports import verifier_source
from cli.options import global_options
from cli.session import Session, pass_session


@click.command("verifier")
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE", help="Write it there.")
@global_options
@pass_session
def verifier(session: Session, output: Path | None) -> None:
    """The standalone verifier: one Python file that checks bundles without storectl. Needs no store.

    \b
    Example:
      storectl audit verifier -o verify_bundle.py
    """
    source = verifier_source()
    if output is not None:
        replace_bytes(output, source)
    if session.out.json:
        session.out.answer({"path": str(output) if output else None, "source": source.decode()})
    elif output is None:
        click.echo(source.decode(), nl=False)
