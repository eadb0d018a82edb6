"""`storectl heal`."""

from pathlib import Path

import click

from application.recovery.healing import heal
from cli.events import find_in_history
from cli.heal_places import heal_places
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.session import Session, pass_session
from domain.errors import Drift


@click.command("heal")
@click.argument("target", required=False)
@click.option(
    "--from",
    "places",
    multiple=True,
    metavar="PLACE",
    help="Ask there, too: another registry's host, an OCI layout, a backup, a local container store.",
)
@click.option("--deep", is_flag=True, help="Also look for damage inside layers.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, target: str | None, places: tuple[str, ...], deep: bool, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Bring back images that vanished or are damaged, by digest, from where the log says they came.

    Layers get back the link names that they ever had, so that containers of other stores that sat on them work again.
    TARGET is an image, or a layer: then the images that have it. Without TARGET: everything that the log needs and the
    store lacks.

    \b
    Example:
      storectl heal --from mirror.example.com
    """
    with session.changing(wait, registry_of(authfile, policy, cert_dir, tls_verify), jobs) as host:
        named = find_in_history(session, target) if target else None
        results = heal(host, named, heal_places(session, host, places), deep=deep)
    if session.out.json:
        session.out.answer([{"image": r.image, "source": r.source, "asked": list(r.asked)} for r in results])
    else:
        for result in results:
            session.out.line(
                f"image {result.image[:12]}: " + (f"healed from {result.source}" if result.source else "not had")
            )
        if not results:
            session.out.line("nothing was missing")
    failed = [result for result in results if result.source is None]
    if failed:
        raise Drift(
            "; ".join(f"image {each.image[:12]}: {', '.join(each.asked)}" for each in failed),
            hint="name a place that has it with --from",
        )
