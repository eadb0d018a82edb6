"""`storectl keys list`."""

import click

from cli.key_rows import key_rows
from cli.options import global_options
from cli.session import Session, pass_session


@click.command("list")
@global_options
@pass_session
def list_keys(session: Session) -> None:
    """Every key that the log ever had: what it signs, from which event to which, and what became of it.

    \b
    Example:
      storectl keys list
    """
    rows = key_rows(session.reader().key_schedule())
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("ROLE", "KEY", "SIGNS", "SINCE", "UNTIL", "STATE"),
        [
            (r["role"], r["key"], r["signs"], f"event {r['since']}", f"event {r['until']}" if r["until"] else "-",
             r["state"] + (f", good up to event {r['last_good']}: {r['reason']}" if r["state"] == "revoked" else ""))
            for r in rows
        ],
    )  # fmt: skip
