"""`storectl bound-images`."""

from pathlib import Path

import click

from adapters.files.root_directory import RootDirectory
from cli.options import global_options
from cli.output import Output
from cli.settings import Settings
from domain.quadlets import bound_images


@click.command("bound-images")
@click.argument("root", type=click.Path(path_type=Path))
@global_options
@click.pass_obj
def command(settings: Settings, root: Path) -> None:
    """What the root file system at ROOT binds: its usr/lib/bootc/bound-images.d. Touches nothing, needs no store.

    \b
    Example:
      storectl bound-images /
    """
    out = Output(settings)
    found = bound_images(RootDirectory(root))
    if out.json:
        out.answer([{"file": b.file, "image": b.text, "digest": b.reference.digest} for b in found])
        return
    out.table(("FILE", "IMAGE", "DIGEST"), [(b.file, b.text, b.reference.digest or "-") for b in found])
