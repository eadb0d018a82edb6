"""`storectl deploy`."""

from pathlib import Path

import click

from application.deploying import deploy
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.session import Session, pass_session
from domain.values import parse_stateroot, short


@click.command("deploy")
@click.argument("commit_or_ref")
@click.option("--stateroot", help="Into which stateroot. [default: the default deployment's, or the only one]")
@click.option("--from", "source", metavar="URL-OR-REPO", help="Fetch the commit from there first.")
@click.option("--karg", "kargs", multiple=True, metavar="NAME=VALUE", help="A kernel argument; may be repeated.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, commit_or_ref: str, stateroot: str | None, source: str | None, kargs: tuple[str, ...],
    wait: float, authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Deploy COMMIT-OR-REF as the new default, with every image that it binds.

    All images are resolved to digests, fetched, checked and sealed before ostree hears of the commit. If any image
    cannot be had, nothing is deployed.

    \b
    Example:
      storectl deploy os/stable --karg console=ttyS0
    """
    registry = registry_of(authfile, policy, cert_dir, tls_verify)
    chosen = parse_stateroot(stateroot) if stateroot is not None else None
    if source and "/" in source and "://" not in source:
        source = str(Path(source).absolute())  # whoever resumes this may stand elsewhere
    with session.changing(wait, registry, jobs) as host:
        node = deploy(host, commit_or_ref, stateroot=chosen, source=source, kargs=kargs)
    if session.out.json:
        session.out.answer(session.deployment_row(node.id))
        return
    session.out.line(f"deployed {node.id}")
    for binding in node.bindings.values():
        session.out.line(
            f"  {binding.name}: {binding.reference} = {short(binding.digest or '')} (image {short(binding.image)})"
        )
