"""`storectl keys`."""

import click

from cli.commands.keys.enrol import enrol_keys
from cli.commands.keys.list import list_keys
from cli.commands.keys.make_root import make_root
from cli.commands.keys.revoke import revoke_key
from cli.commands.keys.rotate import rotate_keys
from cli.commands.keys.show import show_key
from cli.options import global_options


@click.group("keys")
@global_options
def command() -> None:
    """Signing keys: which there are and were, handing them on, replacing and revoking them.

    \b
    Example:
      storectl keys list
    """


for _each in (list_keys, show_key, rotate_keys, revoke_key, enrol_keys, make_root):
    command.add_command(_each)
