"""`storectl backup`."""

from pathlib import Path

import click

from adapters.backup.directory import BackupDirectory
from adapters.containers.store import OwnedStore
from adapters.files.cache_file import CacheFile
from adapters.keys.ed25519 import verify
from application.graphs import graph_at_head
from application.recovery.backing_up import BackedUp, Source, back_up
from cli.backup_checks import check_backup
from cli.options import GIVEN_PATH, global_options, recordable, wait_option
from cli.output import many, size
from cli.session import Session, pass_session
from domain.backups import Generation, Lacking
from domain.errors import Busy, Drift
from domain.events.recovery import BackupWritten
from domain.ports import RegistryOptions
from domain.values import StoreId


@click.command("backup")
@click.argument("dest", type=GIVEN_PATH)
@click.option("--content", is_flag=True, help="Also the images and the commits, not the log alone.")
@click.option("--verify", "only_verify", is_flag=True, help="Write nothing: read back every generation in DEST.")
@wait_option
@global_options
@pass_session
def command(session: Session, dest: Path, content: bool, only_verify: bool, wait: float) -> None:
    """Back up the log with its checkpoints and public keys to DEST; with --content all that it needs, too.

    Each run is a generation, complete or not there, and read back after it was written. Content is shared between them.
    Private keys are never in a backup: keep copies of SYSROOT/ostree/storectl/keys elsewhere. Exit 6 if something that
    the log needs could not be read: the rest is backed up, and what is missing is named.

    \b
    Example:
      storectl backup --content /mnt/backup
    """
    if only_verify:
        check_backup(session, dest)
        return
    session.require_store()
    recordable(dest.absolute(), "DEST")
    cache = CacheFile(session.layout.graph_cache)
    reader = session.reader()
    runroot = session.layout.runroot(StoreId(reader.genesis().store))
    store = OwnedStore(session.layout.store, runroot, session.runner)
    source = Source(store, lambda: graph_at_head(reader, cache), cache, session.clock, verify, session.out.progress)
    place = BackupDirectory(dest.absolute(), session.layout, session.runner)
    with place.writing():
        done = back_up(source, place, content=content)
    if done.fresh:
        _record(session, dest.absolute(), done, wait)
    _tell(session, dest, done)
    if done.generation.lacking:
        raise Drift(_words(done.generation.lacking), hint="the rest is backed up; 'storectl heal' may help")


def _record(session: Session, dest: Path, done: BackedUp, wait_s: float) -> None:
    made = done.generation
    event = BackupWritten(
        str(dest), made.number, made.size, bytes.fromhex(made.root_hash), made.content, len(made.images),
        len(made.commits), len(made.lacking), done.bytes,
    )  # fmt: skip
    try:
        with session.host(wait_s, RegistryOptions()) as host:
            host.journal.decide(lambda _: [event])
    except Busy as error:
        session.out.note(f"the backup is complete, and could not be recorded: {error.message}")


def _tell(session: Session, dest: Path, done: BackedUp) -> None:
    made = done.generation
    if session.out.json:
        session.out.answer(generation_row(made) | {"backup": str(dest), "fresh": done.fresh, "bytes": done.bytes})
        return
    words = f"generation {made.number}: {many(made.size, 'event')}"
    if made.content:
        words += f", {many(len(made.images), 'image')}, {many(len(made.commits), 'commit')}"
    session.out.line(f"{words}; {size(done.bytes)} written" if done.fresh else f"{words}; nothing has changed since")
    session.out.note("private keys are not in it: keep copies of them elsewhere")


def generation_row(made: Generation) -> dict[str, object]:
    """A generation in its public form."""
    return {
        "generation": made.number, "time": made.time, "store": made.store, "origin": made.origin, "vkey": made.vkey,
        "size": made.size, "root_hash": made.root_hash, "content": made.content,
        "images": [image.id for image in made.images], "commits": list(made.commits),
        "lacking": [{"target": each.target, "detail": each.detail} for each in made.lacking],
    }  # fmt: skip


def _words(lacking: tuple[Lacking, ...]) -> str:
    return "; ".join(each.detail for each in lacking)
