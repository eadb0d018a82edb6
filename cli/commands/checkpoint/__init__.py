"""`storectl checkpoint`."""

from pathlib import Path

import click

from adapters.files.state_directory import replace_file
from cli.commands.checkpoint.cosign import cosign_checkpoint
from cli.options import global_options, registry_of, wait_option
from cli.publishing import parse_destination, publish_to, published_files, read_policy, require_all
from cli.session import Session, pass_session
from domain.ledger.checkpoint import parse_checkpoint, parse_note


@click.group("checkpoint", invoke_without_command=True)
@click.option("-o", "--output", type=click.Path(path_type=Path), help="Write it there instead of printing it.")
@click.option("--publish", "destinations", multiple=True, metavar="DEST",
              help="Publish it: a file, journald:, docker://HOST/REPO:TAG, oci:DIR:TAG, or a witness's URL. "
              "May be repeated.")  # fmt: skip
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE",
              help="A C2SP tlog-policy: the witnesses whose cosignatures count; others' are dropped.")  # fmt: skip
@click.option("--cosigned", is_flag=True, help="The newest published checkpoint with its cosignatures, not the head.")
@click.option("--authfile", type=click.Path(path_type=Path), help="Registry credentials.")
@click.option("--cert-dir", type=click.Path(path_type=Path), help="Certificates for registries.")
@click.option("--tls-verify/--no-tls-verify", default=None, help="Require HTTPS and verify certificates.")
@wait_option
@global_options
@pass_session
@click.pass_context
def command(
    ctx: click.Context, session: Session, output: Path | None, destinations: tuple[str, ...],
    policy: Path | None, cosigned: bool, wait: float, authfile: Path | None, cert_dir: Path | None,
    tls_verify: bool | None,
) -> None:  # fmt: skip
    """The signed tree head: a C2SP checkpoint over the whole log. Keep it elsewhere, and verify against it later.

    With --publish it goes there with a proof that it extends the one published there before, and that is recorded.
    Where nothing but publications happened since, nothing is published.

    \b
    Example:
      storectl checkpoint --publish /mnt/usb/checkpoint --publish https://witness.example/add
    """
    if ctx.invoked_subcommand is not None:
        return
    found = []
    if destinations:
        registry = registry_of(authfile, None, cert_dir, tls_verify)
        places = [parse_destination(session, text, registry) for text in destinations]
        found = publish_to(session, places, read_policy(policy) if policy else None, wait)
    head = session.reader().head()
    note = found[-1].note if found else head.checkpoint
    if cosigned:
        note = max(published_files(session).notes(), key=lambda each: _size(each), default=head.checkpoint)
    checkpoint = parse_checkpoint(parse_note(note or head.checkpoint).text)
    if output is not None:
        replace_file(output, note or head.checkpoint)
    if session.out.json:
        document = {"size": checkpoint.size, "root_hash": checkpoint.root_hash.hex(), "note": note or head.checkpoint}
        rows = [
            {"destination": each.destination, "size": each.size, "new": each.new,
             "cosigned_by": list(each.cosigned_by), "error": each.error.message if each.error else None}
            for each in found
        ]  # fmt: skip
        session.out.answer(document | ({"published": rows} if destinations else {}))
    elif destinations:
        for each in found:
            words = "failed" if each.error else "published" if each.new else "nothing new"
            session.out.line(f"{words}: {each.destination}, {each.size} events")
    elif output is None:
        click.echo(note, nl=False)
    require_all(found)


def _size(note: str) -> int:
    return parse_checkpoint(parse_note(note).text).size


command.add_command(cosign_checkpoint)
