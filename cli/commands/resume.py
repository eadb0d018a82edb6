"""`storectl resume`."""

from pathlib import Path

import click

from cli.options import global_options, registry_of, registry_options, wait_option
from cli.session import Session, pass_session


@click.command("resume")
@click.option("--abort", is_flag=True, help="Undo instead of finishing, where that is possible.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, abort: bool, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Finish what a crash left open; every changing command does this first by itself.

    \b
    Example:
      storectl resume
    """
    registry = registry_of(authfile, policy, cert_dir, tls_verify)
    with session.resuming(wait, registry, jobs=jobs, abort=abort) as ended:
        pass
    rows = [
        {"operation": each.operation, "command": each.command, "outcome": each.outcome, "detail": each.detail}
        for each in ended
    ]
    if session.out.json:
        session.out.answer(rows)
        return
    for row in rows:
        session.out.line(f"{row['command']} {row['operation']}: {row['outcome']}: {row['detail']}")
    if not rows:
        session.out.line("nothing was open")
