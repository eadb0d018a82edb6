"""The offline root key on a command line: a file that is brought along, and taken away again."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from cli.config import read_passphrase
from domain.errors import Usage
from domain.ledger.keys import Signer

F = TypeVar("F", bound=Callable[..., Any])


def root_key_options(command: F) -> F:
    """`--root-key FILE` and `--root-passphrase-file FILE`."""
    for option in (
        click.option("--root-passphrase-file", type=click.Path(path_type=Path), help="The root key's passphrase."),
        click.option("--root-key", type=click.Path(path_type=Path), metavar="FILE",
                     help="The offline root key, as 'storectl keys make-root' made it."),
    ):  # fmt: skip
        command = option(command)
    return command


def read_root(path: Path | None, passphrase_file: Path | None) -> Signer | None:
    """The root key, where one was named. Raises KeyUnusable."""
    from adapters.keys.key_files import load_key  # deferred: cryptography takes 10 ms that most commands need not pay

    secret = read_passphrase(passphrase_file) if passphrase_file else None
    return load_key(path, secret) if path else None


def require_root(path: Path | None, passphrase_file: Path | None) -> Signer:
    """The root key. Raises Usage where none was named, KeyUnusable."""
    root = read_root(path, passphrase_file)
    if root is None:
        raise Usage("this takes the root key's signature", hint="name it: --root-key FILE")
    return root
