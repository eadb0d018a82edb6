"""`storectl audit`: one subcommand a file."""

import click

from cli.commands.audit.consistency import consistency
from cli.commands.audit.export import export
from cli.commands.audit.proof import proof
from cli.options import global_options


@click.group("audit")
@global_options
def command() -> None:
    """Proofs, bundles and views for auditors, and checking them.

    \b
    Example:
      storectl audit export --format tiles -o /srv/www/log
    """


for _sub in (consistency, export, proof):
    command.add_command(_sub)
