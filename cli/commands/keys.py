"""`storectl keys`."""

import click

from adapters.keys.ed25519 import public_pem
from cli.options import global_options
from cli.session import Session, pass_session
from domain.ledger.keys import VerifierKey, event_key_name


@click.group("keys")
@global_options
def command() -> None:
    """Signing keys: which there are, and their public halves.

    \b
    Example:
      storectl keys show
    """


@command.command("list")
@global_options
@pass_session
def list_keys(session: Session) -> None:
    """The keys that the log names, and what each signs.

    \b
    Example:
      storectl keys list
    """
    genesis = session.reader().genesis()
    keys = [
        ("log", "checkpoints", VerifierKey(genesis.origin, genesis.log_key)),
        ("event", "events", VerifierKey(event_key_name(genesis.origin), genesis.event_key)),
    ]
    rows = [
        {"role": role, "signs": signs, "key": key.key_id.hex(), "vkey": str(key), "since": 1, "state": "in use"}
        for role, signs, key in keys
    ]
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("ROLE", "KEY", "SIGNS", "SINCE", "STATE"),
        [(str(r["role"]), str(r["key"]), str(r["signs"]), f"event {r['since']}", str(r["state"])) for r in rows],
    )


@command.command("show")
@click.option("--format", "form", type=click.Choice(["vkey", "pem"]), default="vkey", show_default=True)
@click.option("--role", type=click.Choice(["log", "event"]), default="log", show_default=True)
@global_options
@pass_session
def show_key(session: Session, form: str, role: str) -> None:
    """A public key: the log's verifier key (what auditors verify with), or PEM for openssl.

    \b
    Example:
      storectl keys show --format pem --role event > event.pem
    """
    genesis = session.reader().genesis()
    log_key, event_key = genesis.log_key, genesis.event_key
    key = (
        VerifierKey(genesis.origin, log_key)
        if role == "log"
        else VerifierKey(event_key_name(genesis.origin), event_key)
    )
    text = str(key) if form == "vkey" else public_pem(key.public_key)
    if session.out.json:
        session.out.answer({"role": role, "key": key.key_id.hex(), form: text})
    else:
        session.out.line(text.rstrip("\n"))
