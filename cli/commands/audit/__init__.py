"""`storectl audit`: one subcommand a file."""

import click

from cli.commands.audit.consistency import consistency
from cli.commands.audit.export import export
from cli.commands.audit.proof import proof
from cli.commands.audit.verifier import verifier
from cli.commands.audit.verify import verify
from cli.options import global_options


@click.group("audit")
@global_options
def command() -> None:
    """Proofs, bundles and views for auditors, and checking them.

    \b
    Example:
      storectl audit export --since 2026-11-01 --until 2026-11-30 -o november.bundle
    """


for _sub in (consistency, export, proof, verifier, verify):
    command.add_command(_sub)
