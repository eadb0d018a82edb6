"""`storectl adopt`."""

from pathlib import Path

import click

from application.initialising import initialise
from application.observing import observe
from application.recovery.adopting import lacking, take_over
from application.resuming import resume
from cli.founding import found_log, store_document, tell_store
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.output import many
from cli.root_key import read_root, root_key_options
from cli.session import Session, pass_session
from domain.errors import Drift, NotAStore
from domain.values import short


@click.command("adopt")
@click.option("--origin", help="The log's name, a URL without a scheme. [default: storectl.local/<store id>]")
@click.option("--key-passphrase-file", type=click.Path(path_type=Path), help="Encrypt the private keys with it.")
@root_key_options
@click.option("--pull", "fetch", is_flag=True, help="Fetch what deployments bind and the store lacks.")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, origin: str | None, key_passphrase_file: Path | None,
    root_key: Path | None, root_passphrase_file: Path | None, fetch: bool, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Take over a sysroot that ostree, bootc or an installer filled: what is found there is observed, not made.

    Nothing is deleted. Images that no deployment binds stay foreign until 'storectl gc --adopt-foreign'. What is bound
    and not there is named (exit 6), or fetched with --pull.

    \b
    Example:
      storectl adopt --pull
    """
    if not session.ostree.is_sysroot():
        raise NotAStore(f"{session.sysroot} is not an ostree sysroot", hint="'storectl init' makes one")
    created = found_log(session, origin, key_passphrase_file, wait, read_root(root_key, root_passphrase_file))
    with session.host(wait, registry_of(authfile, policy, cert_dir, tls_verify), jobs) as host:
        resume(host)
        initialise(host, None)
        before = host.graph.position
        observe(host)
        changed = take_over(host) or host.graph.position > before or created
        lacks = lacking(host, fetch=fetch)
        deployments, images = len(host.graph.deployments), len(host.graph.images)
    document = store_document(session, created=changed) | {
        "deployments": deployments, "images": images,
        "lacking": [
            {"deployment": each.deployment, "image": each.reference, "problem": each.problem} for each in lacks
        ],
    }  # fmt: skip
    if session.out.json:
        session.out.answer(document)
    else:
        tell_store(session, document)
        session.out.line(f"found    {many(deployments, 'deployment')}, {many(images, 'image')}")
    if lacks:
        raise Drift(
            "; ".join(f"{short(each.deployment)} binds {each.reference}: {each.problem}" for each in lacks),
            hint="the rest is adopted; 'storectl adopt --pull' fetches what is missing",
        )
