"""The command group: global options, commands imported only when they run, and the one place that maps errors to exits.

Exit codes: docs/reference/exit-codes.md, generated from `domain.errors`.
"""

import importlib
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from adapters import running
from adapters.files.remedies import remedy
from cli.live_line import LIVE
from cli.options import SYSROOT
from cli.output import Output, os_words
from cli.settings import Settings
from domain.errors import Failed, StoreError, Usage

COMMANDS = {
    "init": "make the store, its keys and its log",
    "status": "deployments, images, store, log: how things are",
    "adopt": "observe a sysroot that somebody else filled",
    "bound-images": "what a root file system binds",
    "deploy": "deploy a commit with all the images that it binds",
    "bind": "bind an image to a deployment by hand",
    "unbind": "take back a binding made by hand",
    "pull": "bring an image in under a lease",
    "deployments": "list deployments and what they bind",
    "images": "list images",
    "layers": "list layers",
    "rollback": "make the previous deployment the default",
    "undeploy": "remove a deployment",
    "gc": "drop what nothing holds",
    "pin": "hold a deployment, image or layer",
    "unpin": "take a pin away",
    "pins": "list pins",
    "consumer": "other stores that use this one",
    "why": "everything that keeps an image or layer",
    "impact": "what would break without it",
    "graph": "the reference graph",
    "diff": "what changed between two positions or times",
    "history": "the log, for people",
    "show": "one event whole",
    "verify": "check the whole log",
    "fsck": "the log's picture against the real store",
    "heal": "bring back what vanished or is damaged",
    "audit": "proofs, bundles and views for auditors",
    "checkpoint": "the signed tree head",
    "keys": "signing keys",
    "backup": "the log, and what it needs, kept elsewhere",
    "replay": "rebuild a store from a log or backup",
    "drill": "rehearse a replay in a scratch place",
    "resume": "finish or undo what a crash left open",
    "metrics": "OpenMetrics text",
    "completion": "shell completion script",
}
"""Name → what `storectl --help` says of it; the command is `command` in `cli.commands.<name>`."""


class _ReaderLeft(Exception):
    """Nobody reads stdout any more. By a name of its own: click makes exit 1 of a BrokenPipeError."""


class _Commands(click.Group):
    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            raise _ReaderLeft from None

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 (click's signature)
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        if cmd_name not in COMMANDS:
            return None
        # Imported on demand: 'storectl --help' and 'status' must not pay for what 'deploy' needs.
        module = importlib.import_module(f"cli.commands.{cmd_name.replace('-', '_')}")
        found = module.command
        assert isinstance(found, click.Command)
        name_variables(found, f"STORECTL_{cmd_name.upper().replace('-', '_')}")
        return found

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        with formatter.section("Commands"):
            formatter.write_dl(list(COMMANDS.items()))


def name_variables(command: click.Command, prefix: str) -> None:
    """Name each option's environment variable after the option; click would take the Python parameter's name."""
    for option in command.params:
        if isinstance(option, click.Option) and not option.hidden:
            longest = max(option.opts, key=len).lstrip("-")
            option.envvar = f"{prefix}_{longest.upper().replace('-', '_')}"
    if isinstance(command, click.Group):
        for name, sub in command.commands.items():
            name_variables(sub, f"{prefix}_{name.upper().replace('-', '_')}")


def _version(ctx: click.Context, _parameter: click.Parameter, value: bool) -> None:
    if value and not ctx.resilient_parsing:
        from importlib.metadata import version  # deferred: 10 ms that only --version needs

        click.echo(f"storectl {version('storectl')}")
        ctx.exit()


@click.group(
    cls=_Commands,
    context_settings={
        "auto_envvar_prefix": "STORECTL",
        "help_option_names": ["-h", "--help"],
        "max_content_width": 100,
    },
)
@click.option("--sysroot", type=SYSROOT, default=Path("/sysroot"), show_default=True,
              help="The root of the ostree system.")  # fmt: skip
@click.option("--json", "as_json", is_flag=True, help="Answer with one JSON document.")
@click.option("-v", "--verbose", count=True, help="Show external commands; twice: and what they say.")
@click.option("-q", "--quiet", is_flag=True, help="No progress and no hints.")
@click.option("--color", type=click.Choice(["auto", "always", "never"]), default="auto", show_default=True)
@click.option("--version", is_flag=True, is_eager=True, expose_value=False, callback=_version, help="Show the version.")
@click.pass_context
def cli(ctx: click.Context, sysroot: Path, as_json: bool, verbose: int, quiet: bool, color: str) -> None:
    """Manage the container store that an image-based host owns beside ostree.

    Every change is a signed event: deploy with bound images, roll back, collect garbage that nothing can miss, and ask
    the log why something is there.

    \b
    Example:
      storectl init && storectl deploy os/stable
    """
    ctx.obj = Settings(sysroot, as_json, verbose, quiet, color)


name_variables(cli, "STORECTL")


class _Signalled(KeyboardInterrupt):
    """A signal that asks us to end: SIGINT, SIGTERM or SIGHUP."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number


def _end(number: int, _frame: object) -> None:
    # Threads that wait for a program would keep us here until it has finished.
    running.stop_all()
    raise _Signalled(number)


def main(argv: Sequence[str] | None = None) -> None:
    """Run the command line and exit. Whatever goes wrong becomes a message, a hint and an exit code here."""
    arguments = list(sys.argv[1:] if argv is None else argv)
    _require_standard_streams()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        # nohup and shells without job control have it ignored, and mean it.
        if signal.getsignal(number) is not signal.SIG_IGN:
            signal.signal(number, _end)
    try:
        _refuse_unencodable(arguments)
        try:
            cli.main(args=arguments, prog_name="storectl", standalone_mode=False)
        finally:
            LIVE.end()
        sys.stdout.flush()
    except click.exceptions.Exit as request:
        sys.exit(request.exit_code)
    except click.exceptions.NoArgsIsHelpError as error:
        click.echo(error.ctx.get_help() if error.ctx else "", err=True)
        sys.exit(2)
    except click.ClickException as error:
        _die(arguments, Usage(error.format_message(), hint=_see_help(error)))
    except (KeyboardInterrupt, click.Abort) as error:
        _die_of_signal(arguments, error)
    except (BrokenPipeError, _ReaderLeft):
        # The reader (head, less) has left: not an error. Keep the interpreter from complaining when it flushes.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(141)
    except StoreError as error:
        _die(arguments, error)
    except OSError as error:
        _die(arguments, Failed(os_words(error), hint=_os_hint(error)))


def _require_standard_streams() -> None:
    """Descriptors 0, 1 and 2 open, whatever the caller closed: else the next file opened, the log say, would get the
    number under which programs write their messages.
    """
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)
    for number, name in ((1, "stdout"), (2, "stderr")):
        if getattr(sys, name) is None:
            setattr(sys, name, open(number, "w", encoding="utf-8", closefd=False))  # noqa: SIM115 (as long as we live)


def _refuse_unencodable(arguments: Sequence[str]) -> None:
    """What is no UTF-8 can stand neither in an event nor in JSON. Raises Usage."""
    variables = {name: value for name, value in os.environ.items() if name.startswith("STORECTL_")}
    for where, text in (*((f"argument {n}", text) for n, text in enumerate(arguments, 1)), *variables.items()):
        try:
            text.encode()
        except UnicodeEncodeError:
            raise Usage(f"{where} is not UTF-8: {text!r}", hint="use names and paths in UTF-8") from None


def _die(arguments: Sequence[str], error: StoreError) -> None:
    _output(arguments).error(error)
    sys.exit(error.exit_code)


def _output(arguments: Sequence[str]) -> Output:
    return Output(Settings(Path(), _wants_json(arguments), 0, False, _color(arguments)))


def _wants_json(arguments: Sequence[str]) -> bool:
    """Read by hand, as `_color`."""
    try:
        return "--json" in arguments or bool(click.BOOL.convert(os.environ.get("STORECTL_JSON") or "0", None, None))
    except click.BadParameter:
        return False


def _die_of_signal(arguments: Sequence[str], error: BaseException) -> None:
    """As shells have it: 128 and the signal's number. What was begun stays open, for whoever comes next."""
    cause = error.__cause__ if isinstance(error, click.Abort) else error
    number = cause.number if isinstance(cause, _Signalled) else signal.SIGINT
    told = Failed(
        f"interrupted by {signal.Signals(number).name}",
        hint="what was begun is finished by the next changing command; 'storectl resume --abort' undoes it",
    )
    _output(arguments).error(told, exit_code=128 + number)
    sys.exit(128 + number)


def _color(arguments: Sequence[str]) -> str:
    """What --color says, read by hand: the command line may be what is wrong."""
    words = " ".join(arguments).replace("--color=", "--color ").split()
    said = words[words.index("--color") + 1 :][:1] if "--color" in words else []
    return said[0] if said else os.environ.get("STORECTL_COLOR", "auto")


def _see_help(error: click.ClickException) -> str:
    ctx: Any = getattr(error, "ctx", None)
    return f"see '{ctx.command_path} --help'" if ctx is not None else "see 'storectl --help'"


def _os_hint(error: OSError) -> str:
    return remedy(error) or "check the file's owner, mode and file system"
