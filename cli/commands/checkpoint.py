"""`storectl checkpoint`."""

from pathlib import Path

import click

from adapters.files.state_directory import replace_file
from cli.options import global_options
from cli.session import Session, pass_session


@click.command("checkpoint")
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there instead of printing it.")
@global_options
@pass_session
def command(session: Session, output: Path | None) -> None:
    """The signed tree head: a C2SP checkpoint over the whole log. Keep it elsewhere, and verify against it later.

    \b
    Example:
      storectl checkpoint -o /mnt/usb/checkpoint
    """
    head = session.reader().head()
    if output is not None:
        replace_file(output, head.checkpoint)
    if session.out.json:
        session.out.answer({"size": head.size, "root_hash": head.root_hash.hex(), "note": head.checkpoint})
    elif output is None:
        click.echo(head.checkpoint, nl=False)
