"""Options that several commands share."""

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from cli.settings import Settings
from domain.errors import Usage

if TYPE_CHECKING:
    from domain.ports import RegistryOptions

F = TypeVar("F", bound=Callable[..., Any])


def _remember(name: str) -> Callable[[click.Context, click.Parameter, Any], None]:
    def callback(ctx: click.Context, parameter: click.Parameter, value: Any) -> None:
        if ctx.get_parameter_source(parameter.name or "") is click.core.ParameterSource.COMMANDLINE:
            setattr(ctx.find_object(Settings), name, value)

    return callback


class _GivenPath(click.Path):
    """Not the empty word, which would be the working directory: an unset variable in somebody's script."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if value == "":
            self.fail("the path is empty", param, ctx)
        return super().convert(value, param, ctx)


SYSROOT = _GivenPath(path_type=Path)
GIVEN_PATH = _GivenPath(path_type=Path)

_GLOBAL = (
    click.option("--sysroot", type=SYSROOT, hidden=True, expose_value=False,
                 callback=_remember("sysroot")),
    click.option("--json", is_flag=True, hidden=True, expose_value=False, callback=_remember("json")),
    click.option("-v", "--verbose", count=True, hidden=True, expose_value=False, callback=_remember("verbose")),
    click.option("-q", "--quiet", is_flag=True, hidden=True, expose_value=False, callback=_remember("quiet")),
)  # fmt: skip


def global_options(command: F) -> F:
    """The global options behind the command's name as well, where fingers put them; not shown in its help."""
    for option in _GLOBAL:
        command = option(command)
    return command


def registry_host(text: str) -> str:
    """A registry's `HOST[:PORT]`; empty: none was named. Raises Usage for anything else."""
    from domain.references import parse_reference  # deferred: 'storectl --help' does without

    if text and parse_reference(f"{text}/x").repository != f"{text}/x":
        raise Usage(f"not a registry's host: {text!r}", hint="HOST or HOST:PORT, as in mirror.example.com:5000")
    return text


_MAX_PATH_BYTES = 480  # it is part of an event's stream name


def recordable(path: Path, what: str) -> str:
    """A path that goes into events, for people to read one day. Raises Usage for control characters in it."""
    if not str(path).isprintable():
        raise Usage(f"{what} has control characters in it: {str(path)!r}", hint="rename it, or use a link to it")
    if len(str(path).encode()) > _MAX_PATH_BYTES:
        raise Usage(f"{what} is longer than {_MAX_PATH_BYTES} bytes", hint="use a link to it")
    return str(path)


class _Seconds(click.FloatRange):
    """Not `nan`, which is never over."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> Any:
        if math.isnan(seconds := super().convert(value, param, ctx)):
            self.fail("'nan' is no number of seconds", param, ctx)
        return seconds


def wait_option(command: F) -> F:
    """How long a changing command waits for another one."""
    return click.option(
        "--wait", type=_Seconds(min=0), default=30.0, show_default=True, metavar="SECONDS",
        help="How long to wait for another storectl command; then exit 5.",
    )(command)  # fmt: skip


def registry_of(
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None
) -> "RegistryOptions":
    """What `registry_options` said. Paths are made absolute: an operation may be resumed from elsewhere."""
    from domain.ports import RegistryOptions  # deferred: 'storectl --help' does without the ports

    files = [str(path.absolute()) if path else None for path in (authfile, policy, cert_dir)]
    return RegistryOptions(files[0], files[1], files[2], tls_verify)


def registry_options(command: F) -> F:
    """What reaches a registry takes, as skopeo does."""
    for option in reversed((
        click.option("--authfile", type=click.Path(path_type=Path), help="Registry credentials."),
        click.option("--policy", type=click.Path(path_type=Path), help="Signature policy file."),
        click.option("--cert-dir", type=click.Path(path_type=Path), help="Certificates for registries."),
        click.option("--tls-verify/--no-tls-verify", default=None, help="Require HTTPS and verify certificates."),
        click.option("--jobs", type=click.IntRange(1, 64), default=4, show_default=True,
                     help="How many images to fetch at a time."),
    )):  # fmt: skip
        command = option(command)
    return command
