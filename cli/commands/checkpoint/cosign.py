"""`storectl checkpoint cosign`."""

import os
from dataclasses import replace
from pathlib import Path

import click

from adapters.files.state_directory import replace_file
from adapters.keys.ed25519 import verify
from adapters.keys.key_files import load_key
from adapters.publishing.witness_state import witness_state
from application.audit.witnessing import witness
from cli.config import read_passphrase
from cli.exports import read_note
from cli.options import global_options
from cli.session import Session, pass_session
from domain.errors import BadInput, Usage
from domain.ledger.cosignature import WitnessKey
from domain.ledger.keys import from_base64, is_key_name, parse_vkey
from domain.ledger.merkle import HASH_BYTES
from domain.ledger.submission import Submission, parse_submission


@click.command("cosign")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--key-file", type=click.Path(path_type=Path), required=True, metavar="K",
              help="The witness's private key, as 'storectl keys make-root' makes one.")  # fmt: skip
@click.option("--key-passphrase-file", type=click.Path(path_type=Path), help="What opens it.")
@click.option("--key", "vkey", metavar="VKEY", help="The log's verifier key. [default: as named for this log before]")
@click.option("--name", metavar="NAME", help="The witness's name. [default: storectl.local/witness/<its key>]")
@click.option(
    "--state",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="What this witness remembers. [default: /var/lib/storectl/witness, or below ~/.local/state]",
)
@click.option("--proof", type=click.Path(path_type=Path), metavar="FILE",
              help="The consistency proof from the checkpoint cosigned last, where FILE has none.")  # fmt: skip
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write the cosigned checkpoint there.")
@global_options
@pass_session
def cosign_checkpoint(
    session: Session, file: Path, key_file: Path, key_passphrase_file: Path | None, vkey: str | None, name: str | None,
    state: Path | None, proof: Path | None, output: Path | None,
) -> None:  # fmt: skip
    """Act as a witness: cosign the checkpoint in FILE if it extends what this witness cosigned of that log before.

    Needs no store. FILE is a checkpoint, or one with its proof as 'checkpoint --publish' keeps them. Prints the
    cosignature line (C2SP cosignature/v1). Exit 3 if the checkpoint contradicts what was cosigned, 7 without a proof.

    \b
    Example:
      storectl checkpoint cosign /mnt/usb/checkpoint --key-file witness.key --key "$VKEY"
    """
    made = _submission(file, proof)
    signer = load_key(key_file, read_passphrase(key_passphrase_file) if key_passphrase_file else None)
    if name is not None and not is_key_name(name):
        raise Usage(f"not a witness's name: {name!r}", hint="a URL without its scheme: witness.example/w1")
    as_witness = WitnessKey(name or f"storectl.local/witness/{signer.public_key.hex()[:16]}", signer.public_key)
    key = parse_vkey(vkey) if vkey is not None else None
    now_s = session.now_us() // 1_000_000
    with witness_state(state or _default_state(), made.checkpoint.origin) as remembered:
        done = witness(made, remembered, key, as_witness, signer, verify, now_s)
    if not done.checked:
        session.out.note("the log's own signature was not checked: name its verifier key with --key")
    if output is not None:
        replace_file(output, done.note)
    if session.out.json:
        session.out.answer({
            "origin": made.checkpoint.origin, "size": made.checkpoint.size, "name": as_witness.name,
            "vkey": str(as_witness), "time": now_s, "signature": done.line, "note": done.note,
            "log_signature_checked": done.checked,
        })  # fmt: skip
    elif output is None:
        click.echo(done.line, nl=False)


def _submission(file: Path, proof: Path | None) -> Submission:
    text = read_note(file)
    made = parse_submission(text) if text.startswith("old ") else Submission(0, (), text)
    _ = made.checkpoint  # it has to be one
    if proof is None:
        return made
    said = read_note(proof)
    if said.startswith("old "):
        lines = said.split("\n\n")[0].split("\n")
        old, hashes = lines[0].removeprefix("old "), lines[1:]
    else:
        raise BadInput(f"{proof} is no consistency proof: it does not begin with 'old SIZE'")
    nodes = [from_base64(line) for line in hashes if line]
    if not old.isdecimal() or any(node is None or len(node) != HASH_BYTES for node in nodes):
        raise BadInput(f"{proof} is no consistency proof: a line of it is not a hash in base64")
    return replace(made, old_size=int(old), hashes=tuple(node for node in nodes if node))


def _default_state() -> Path:
    if os.geteuid() == 0:
        return Path("/var/lib/storectl/witness")
    home = os.environ.get("XDG_STATE_HOME") or str(Path("~/.local/state").expanduser())
    return Path(home) / "storectl/witness"
