"""`storectl pull`."""

import secrets
from pathlib import Path

import click

from application.binding import pull
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.session import Session, pass_session
from domain.graph import HoldKey
from domain.references import parse_source
from domain.times import format_time, parse_duration


@click.command("pull")
@click.argument("image")
@click.option("--lease", default="24h", show_default=True, metavar="DURATION", help="For how long to hold it.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, image: str, lease: str, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Bring IMAGE into the store and hold it under a lease; it is garbage when the lease ends and nothing binds it.

    \b
    Example:
      storectl pull quay.io/o/app:2 --lease 2h
    """
    source, lease_us = parse_source(image), parse_duration(lease)
    with session.changing(wait, registry_of(authfile, policy, cert_dir, tls_verify), jobs) as host:
        name = secrets.token_hex(8)
        node = pull(host, source, lease_us=lease_us, new_lease=lambda: name)
        until = node.holds[HoldKey("lease", name, "")].until_us or 0
    if session.out.json:
        session.out.answer(
            {"image": str(source), "digest": node.digest, "image_id": node.id, "lease_until": format_time(until)}
        )
    else:
        session.out.line(f"{source} = {node.digest} (image {node.id[:12]}), leased until {format_time(until)}")
