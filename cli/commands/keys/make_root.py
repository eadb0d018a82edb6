"""`storectl keys make-root`."""

from pathlib import Path

import click

from cli.config import read_passphrase
from cli.options import global_options
from cli.session import Session, pass_session
from domain.errors import Refused


@click.command("make-root")
@click.option("-o", "--output", type=click.Path(path_type=Path), required=True, metavar="FILE",
              help="Where the private key goes: not a file of this host for long.")  # fmt: skip
@click.option("--passphrase-file", type=click.Path(path_type=Path), help="Encrypt it with this file's first line.")
@global_options
@pass_session
def make_root(session: Session, output: Path, passphrase_file: Path | None) -> None:
    """Make an offline root key: it answers for the log's other keys, and lies where no host is.

    It needs no store. One root key may serve many hosts: give it to each 'storectl init --root-key', and take it away.

    \b
    Example:
      storectl keys make-root -o /mnt/safe/root.key --passphrase-file /mnt/safe/passphrase
    """
    from adapters.keys.key_files import create_key  # deferred: cryptography takes 10 ms that --help need not pay

    secret = read_passphrase(passphrase_file) if passphrase_file else None
    if output.exists():
        raise Refused(f"{output} exists: a key is never replaced", hint="choose another name")
    made = create_key(output.absolute(), secret)
    if session.out.json:
        session.out.answer({
            "file": str(output), "public_key": made.public_key.hex(), "encrypted": secret is not None,
        })  # fmt: skip
    else:
        session.out.line(f"root key {output}, public half {made.public_key.hex()}")
        session.out.note("take it away from the host once 'storectl init --root-key' has certified the keys")
