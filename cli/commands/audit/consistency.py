"""`storectl audit consistency`."""

import base64

import click

from cli.options import global_options
from cli.proving import prover
from cli.session import Session, pass_session


@click.command("consistency")
@click.argument("size1", type=click.IntRange(min=1))
@click.argument("size2", type=click.IntRange(min=1))
@global_options
@pass_session
def consistency(session: Session, size1: int, size2: int) -> None:
    """Proof that the log of SIZE2 events only appended to that of SIZE1 (RFC 9162): base64, one hash a line.

    \b
    Example:
      storectl audit consistency 100 150
    """
    found = prover(session).consistency(size1, size2)
    if session.out.json:
        session.out.answer({
            "size1": found.old_size, "root1": found.old_root.hex(), "size2": found.size, "root2": found.root.hex(),
            "hashes": [node.hex() for node in found.hashes],
        })  # fmt: skip
        return
    for node in found.hashes:
        session.out.line(base64.b64encode(node).decode())
