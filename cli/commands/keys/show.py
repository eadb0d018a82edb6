"""`storectl keys show`."""

import click

from adapters.keys.ed25519 import public_pem
from cli.key_rows import find_key, key_rows
from cli.options import global_options
from cli.session import Session, pass_session
from domain.errors import NotFound
from domain.ledger.keys import parse_vkey


@click.command("show")
@click.argument("key", required=False)
@click.option("--format", "form", type=click.Choice(["vkey", "pem"]), default="vkey", show_default=True)
@click.option("--role", type=click.Choice(["log", "event", "root"]), default="log", show_default=True)
@global_options
@pass_session
def show_key(session: Session, key: str | None, form: str, role: str) -> None:
    """A public key: the log's verifier key (what auditors verify with), or PEM for openssl.

    Without KEY the one in force in its role; KEY is a key's id as 'keys list' shows it, also of one that was replaced.

    \b
    Example:
      storectl keys show --format pem --role event > event.pem
    """
    schedule = session.reader().key_schedule()
    rows = key_rows(schedule)
    if key:
        span = find_key(schedule, key)
        rows = [row for row in rows if row["key"] == span.key_id.hex() and row["role"] == span.role]
    else:
        rows = [row for row in rows if row["role"] == role and row["until"] is None]
    if not rows:
        raise NotFound("this log has no root key", hint="'storectl init --root-key' names one")
    row = rows[0]
    text = row["vkey"] if form == "vkey" else public_pem(parse_vkey(row["vkey"]).public_key)
    if session.out.json:
        session.out.answer({"role": row["role"], "key": row["key"], "state": row["state"], form: text})
    else:
        session.out.line(text.rstrip("\n"))
