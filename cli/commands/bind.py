"""`storectl bind`."""

from pathlib import Path

import click

from application.binding import bind
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.session import Session, pass_session
from domain.references import parse_source
from projections.targets import find_deployment


@click.command("bind")
@click.argument("image")
@click.option("--deployment", required=True, help="Which deployment is to hold it.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, image: str, deployment: str, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Bind IMAGE to a deployment by hand, beyond what its root file system names.

    \b
    Example:
      storectl bind quay.io/o/debug:1 --deployment 0
    """
    source = parse_source(image)
    with session.changing(wait, registry_of(authfile, policy, cert_dir, tls_verify), jobs) as host:
        node = find_deployment(host.graph, deployment, session.deployments_there())
        bound = bind(host, source, node.id)
    if session.out.json:
        session.out.answer({"image": str(source), "digest": bound.digest, "image_id": bound.id, "deployment": node.id})
    else:
        session.out.line(f"{node.id} binds {source} = {bound.digest}")
