"""`storectl completion`."""

import click
from click.shell_completion import get_completion_class

from cli.options import global_options


@click.command("completion")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@global_options
@click.pass_context
def command(ctx: click.Context, shell: str) -> None:
    """Print the completion script for a shell.

    \b
    Example:
      storectl completion bash > /etc/bash_completion.d/storectl
    """
    found = get_completion_class(shell)
    assert found is not None, "click knows each of the shells offered"
    script = found(ctx.find_root().command, {}, "storectl", "_STORECTL_COMPLETE")
    # click asks the running bash for its version to say whether it is too old; the script itself does not depend on it.
    click.echo(script.source_template % script.source_vars())
