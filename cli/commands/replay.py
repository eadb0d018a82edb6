"""`storectl replay`."""

import dataclasses
from pathlib import Path

import click

from adapters.event_log.reader import LogReader
from application.observing import observe
from application.recovery.replaying import ReplayIntent, replay
from application.resuming import resume
from cli.options import (
    GIVEN_PATH,
    global_options,
    recordable,
    registry_host,
    registry_of,
    registry_options,
    wait_option,
)
from cli.output import many
from cli.positions import position_in
from cli.replay_founding import Founding, commitment, found_replayed, replayed_before, require_empty
from cli.replay_plan import tell_plan
from cli.replay_sources import ReplaySource, is_last_known, open_source, verified
from cli.root_key import read_root, root_key_options
from cli.session import Session, pass_session
from domain.errors import Drift, Failed
from domain.events.operation import OperationAborted
from domain.events.recovery import ReplayCompared
from domain.ledger.keys import VerifierKey
from domain.values import short

_MAX_NOTE = 1 << 20


@click.command("replay")
@click.option("--from", "place", type=GIVEN_PATH, required=True, metavar="SOURCE",
              help="A backup, a log.db, a rescued sysroot, or a bundle of all events.")  # fmt: skip
@click.option("--at", metavar="P", help="As it was at this position or time. [default: the log's end]")
@click.option("--dry-run", is_flag=True, help="Change nothing: what would be rebuilt, from where, and what is lacking.")
@click.option("--full", is_flag=True, help="Every operation of the log in its order, not only what is left of them.")
@click.option("--key", "vkey", metavar="VKEY", help="The log's verifier key, from outside.")
@click.option("--trust-backup-key", is_flag=True, help="Instead: take the key that the source itself names.")
@click.option("--against", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="A checkpoint that was kept elsewhere: the log has to hold all of it.")  # fmt: skip
@click.option("--keys", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
              help="The store's private keys: the log goes on, if nothing was recorded after it.")  # fmt: skip
@click.option("--from-registry", default="", metavar="HOST", help="Ask this registry before the recorded ones.")
@click.option("--generation", type=click.IntRange(1), help="An older generation of the backup.")
@click.option("--incomplete", is_flag=True, help="Also bring up deployments that bind images which cannot be had.")
@click.option("--key-passphrase-file", type=click.Path(path_type=Path), help="Encrypt the new private keys with it.")
@root_key_options
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, place: Path, at: str | None, dry_run: bool, full: bool, vkey: str | None, trust_backup_key: bool,
    against: tuple[Path, ...], keys: Path | None, from_registry: str, generation: int | None, incomplete: bool,
    key_passphrase_file: Path | None, root_key: Path | None, root_passphrase_file: Path | None, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Rebuild a store in an empty --sysroot from a log or backup, and compare it with what the log recorded.

    The log is verified first, under a key from outside. Content comes by digest from the backup, from --from-registry,
    or from where the log says. Exit 6 if anything differs in the end: everything else is back. The same command again
    goes on with what was lacking.

    \b
    Example:
      storectl --sysroot /mnt/new replay --from /mnt/backup --key "$VKEY"
    """
    host = registry_host(from_registry)
    recordable(place, "SOURCE")
    source = open_source(session, place, generation)
    notes = [_read_note(path) for path in against]
    key = verified(source, vkey, trust_source=trust_backup_key, against=notes)
    position = _position(session, source, at)
    registry = registry_of(authfile, policy, cert_dir, tls_verify)
    founding = Founding(
        source, key, position, _keys(session, source, at, keys, notes), key_passphrase_file,
        read_root(root_key, root_passphrase_file),
    )  # fmt: skip
    intent = ReplayIntent("", position, full, incomplete, source.layout, source.commits, host, registry)
    if dry_run:
        tell_plan(session, source, intent)
        return
    found = rebuild(session, founding, intent, wait, jobs)
    tell_comparison(session, founding, found)


def rebuild(session: Session, founding: Founding, intent: ReplayIntent, wait_s: float, jobs: int) -> ReplayCompared:
    """Found the log, or find what an earlier try founded, and rebuild. Raises Refused for a sysroot of others."""
    founded = replayed_before(session, founding)
    if founded is None:
        require_empty(session)
        founded = found_replayed(session, founding)
    with session.host(wait_s, intent.registry, jobs) as host:
        if not founded.told:
            # What was under way on the machine that is gone is not finished here.
            aborted = [OperationAborted(each, "the store was replayed") for each in host.graph.operations]
            host.journal.record(*aborted, commitment(founding))
        resume(host)
        found = replay(host, dataclasses.replace(intent, log=founded.name))
        observe(host)
    return found


def tell_comparison(session: Session, founding: Founding, found: ReplayCompared) -> None:
    """What is back, and what is not. Raises Drift (exit 6)."""
    genesis = session.reader().genesis()
    rows = session.deployment_rows()
    images = [node for node in session.graph().images.values() if node.present]
    document = {
        "sysroot": str(session.sysroot), "store": genesis.store, "origin": genesis.origin,
        "vkey": str(VerifierKey(genesis.origin, genesis.log_key)),
        "replayed": {
            "source": str(founding.source.shown), "position": founding.position, "vkey": str(founding.key),
        },
        "deployments": rows, "images": len(images), "compared": found.compared,
        "same": not found.count,
        "differences": [
            {"kind": each.kind, "target": each.target, "detail": each.detail} for each in found.differences
        ],
    }  # fmt: skip
    out = session.out
    if out.json:
        out.answer(document)
    else:
        out.line(
            f"{many(len(rows), 'deployment')} and {many(len(images), 'image')}; the log goes on as {genesis.origin}"
        )
        for each in found.differences:
            out.line(f"{each.kind:<10}  {short(each.target)}  {each.detail}")
        out.line(
            f"compared in {found.compared} points: {many(found.count, 'difference') if found.count else 'the same'}"
        )
    if found.count:
        raise Drift(
            f"{many(found.count, 'difference')} between what is there and what the log recorded: "
            + "; ".join(each.detail for each in found.differences[:5]),
            hint="the rest is back; the same command with another place (--from-registry) goes on with what is lacking",
        )


def _position(session: Session, source: ReplaySource, at: str | None) -> int:
    with LogReader(source.log) as reader:
        return position_in(reader, at, session.now_us()) if at is not None else reader.size


def _keys(session: Session, source: ReplaySource, at: str | None, keys: Path | None, notes: list[str]) -> Path | None:
    """The keys, where the log may go on as itself: no position may ever be used for two events."""
    if keys is None:
        return None
    if at is not None:
        session.out.note("an earlier state has a log of its own: --keys is not used")
        return None
    if not is_last_known(source, notes):
        session.out.note(
            "whether anything was recorded after this log cannot be told, so that it does not go on: the store has a "
            "log of its own. If it is the last: --against with its last checkpoint says so"
        )
        return None
    return keys.absolute()


def _read_note(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_NOTE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the checkpoint {path}: {error}") from error
