"""`storectl init`."""

from pathlib import Path

import click

from application.consumers import add_consumer
from application.initialising import initialise
from application.observing import observe
from application.resuming import resume
from cli.founding import found_log, store_document, tell_store
from cli.options import global_options, recordable, wait_option
from cli.root_key import read_root, root_key_options
from cli.session import Session, pass_session
from domain.ports import RegistryOptions
from domain.values import parse_stateroot


@click.command("init")
@click.option("--origin", help="The log's name, a URL without a scheme. [default: storectl.local/<store id>]")
@click.option("--stateroot", help="Make this stateroot, too. [default: 'default', where there is none]")
@click.option("--key-passphrase-file", type=click.Path(path_type=Path), help="Encrypt the private keys with it.")
@root_key_options
@click.option(
    "--consumer",
    "consumers",
    type=click.Path(path_type=Path),
    multiple=True,
    help="Another container store that uses this one; may be repeated.",
)
@wait_option
@global_options
@pass_session
def command(
    session: Session, origin: str | None, stateroot: str | None, key_passphrase_file: Path | None,
    root_key: Path | None, root_passphrase_file: Path | None,
    consumers: tuple[Path, ...], wait: float,
) -> None:  # fmt: skip
    """Make, or complete, the sysroot, the container store, the signing keys and the log with its first event.

    Run again on a store that it made it changes nothing. Keep the verifier key that it prints somewhere else: it is
    what an auditor verifies the log with.

    \b
    Example:
      storectl --sysroot /sysroot init --origin example.com/hosts/web-1
    """
    wanted = parse_stateroot(stateroot) if stateroot is not None else None
    places = [recordable(path.resolve(), "--consumer") for path in consumers]
    created = found_log(session, origin, key_passphrase_file, wait, read_root(root_key, root_passphrase_file))
    with session.host(wait, RegistryOptions()) as host:
        ended = resume(host)
        changed = initialise(host, wanted) or created or bool(ended)
        observe(host)
        for place in places:
            if place not in host.graph.consumers:
                add_consumer(host, place, None)
                changed = True
    document = store_document(session, created=changed)
    if session.out.json:
        session.out.answer(document)
    else:
        tell_store(session, document)
