"""`storectl audit proof`."""

from pathlib import Path

import click

from adapters.event_log.public_keys import event_public_key
from adapters.files.state_directory import replace_bytes
from adapters.keys.ed25519 import public_pem
from cli.options import global_options
from cli.proving import prover
from cli.session import Session, pass_session
from domain.errors import Tampered, Usage
from domain.ledger.record import decode_record, pae


@click.command("proof")
@click.argument("position", type=click.IntRange(min=1))
@click.option("-o", "--output", type=click.Path(path_type=Path), metavar="FILE",
              help="Write the record there, the proof to FILE.tlog-proof and FILE.spicy.")  # fmt: skip
@click.option("--openssl", is_flag=True, help="Also FILE.pae, FILE.sig and FILE.pem, for openssl.")
@global_options
@pass_session
def proof(session: Session, position: int, output: Path | None, openssl: bool) -> None:
    """Proof that the event at POSITION is in the log, under its signed checkpoint (C2SP tlog-proof).

    FILE is the record's bytes, the data of its leaf. `spicy -verify VKEY FILE` reads FILE.spicy beside it.
    With --openssl: `openssl pkeyutl -verify -rawin -pubin -inkey FILE.pem -sigfile FILE.sig -in FILE.pae`.

    \b
    Example:
      storectl audit proof 12 -o event12 --openssl
    """
    if openssl and output is None:
        raise Usage("--openssl writes files: it needs -o FILE")
    made = prover(session)
    record, leaf = session.reader().raw_record(position)
    found = made.inclusion(position - 1, leaf)
    files = {"": record, ".tlog-proof": str(found).encode(), ".spicy": found.spicy.encode()}
    if openssl:
        files |= _openssl(session, position, record)
    if output is not None:
        for suffix, data in files.items():
            replace_bytes(output.with_name(output.name + suffix), data)
    if session.out.json:
        session.out.answer({
            "position": position, "index": position - 1, "leaf_hash": leaf.hex(), "size": made.head.size,
            "root_hash": made.head.root_hash.hex(), "hashes": [node.hex() for node in found.hashes],
            "checkpoint": found.checkpoint, "proof": str(found),
            "files": [f"{output}{suffix}" for suffix in files] if output else [],
        })  # fmt: skip
    elif output is None:
        click.echo(str(found), nl=False)


def _openssl(session: Session, position: int, record: bytes) -> dict[str, bytes]:
    signed = decode_record(record)
    key = event_public_key(session.reader(), session.reader().entry(position))
    if key is None:
        raise Tampered(f"event {position}: the log does not allow the key {signed.key_id.hex()} to sign it")
    return {".pae": pae(signed.body), ".sig": signed.signature, ".pem": public_pem(key).encode()}
