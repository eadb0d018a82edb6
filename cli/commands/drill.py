"""`storectl drill`."""

import contextlib
import dataclasses
import shutil
import tempfile
import time
from pathlib import Path

import click

from adapters.event_log.log_copy import copy_log
from adapters.event_log.reader import LogReader
from adapters.files.layout import Layout
from adapters.files.scratch import disk_usage, scratch
from adapters.keys.ed25519 import verify
from application.recovery.replaying import ReplayIntent
from cli.commands.replay import rebuild
from cli.options import (
    GIVEN_PATH,
    global_options,
    recordable,
    registry_host,
    registry_of,
    registry_options,
    wait_option,
)
from cli.output import many, size
from cli.replay_founding import Founding
from cli.replay_sources import ReplaySource, open_source, verified
from cli.session import Session, pass_session
from domain.errors import Busy, Drift, StoreError
from domain.events.recovery import DrillHeld
from domain.ledger.keys import VerifierKey
from domain.ports import RegistryOptions
from domain.values import StoreId, short


@click.command("drill")
@click.option("--from", "place", type=GIVEN_PATH, metavar="DEST",
              help="A backup. [default: the log itself, and the places that it names]")  # fmt: skip
@click.option("--from-registry", default="", metavar="HOST", help="Ask this registry before the recorded ones.")
@click.option("--scratch", "parent", type=click.Path(path_type=Path, exists=True, file_okay=False), metavar="DIR",
              help="Rehearse below this directory. [default: $TMPDIR]")  # fmt: skip
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, place: Path | None, from_registry: str, parent: Path | None, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """Rehearse a replay in a scratch place: what would not come back, and why, the space and the time that it takes.

    Nothing is left behind. The outcome is recorded, and 'storectl status' tells it. Exit 6 if anything differs.

    \b
    Example:
      storectl drill --from /mnt/backup
    """
    session.require_store()
    host = registry_host(from_registry)
    if place is not None:
        recordable(place, "DEST")
    registry = registry_of(authfile, policy, cert_dir, tls_verify)
    begun = time.monotonic()
    with scratch((parent or Path(tempfile.gettempdir())).absolute(), _forget_runroot) as directory:
        source = open_source(session, place, None) if place else _own_log(session, directory)
        key = verified(source, str(_own_key(session)), trust_source=False, against=[])
        with LogReader(source.log) as reader:
            position = reader.size
        rehearsal = Session(dataclasses.replace(session.settings, sysroot=directory / "sysroot"))
        intent = ReplayIntent("", position, False, False, source.layout, source.commits, host, registry)
        found = rebuild(rehearsal, Founding(source, key, position, None, None), intent, wait, jobs)
        graph = rehearsal.graph()
        held = DrillHeld(
            str(source.shown) if place else "", position, len(graph.deployments),
            sum(node.present for node in graph.images.values()), found.compared, found.count, found.differences,
            disk_usage(directory), int((time.monotonic() - begun) * 1_000_000),
        )  # fmt: skip
    _record(session, held, wait)
    _tell(session, held)


def _own_key(session: Session) -> VerifierKey:
    """The store's own: what is rehearsed has to be this store's log."""
    reader = session.reader()
    return VerifierKey(reader.origin, reader.key_schedule(verify).current("log"))


def _own_log(session: Session, directory: Path) -> ReplaySource:
    copy_log(session.layout.log, directory / "log.db")
    return ReplaySource(directory / "log.db", directory / "log.db")


def _forget_runroot(directory: Path) -> None:
    """The rehearsed store's runroot lies outside of it."""
    layout = Layout(directory / "sysroot")
    with contextlib.suppress(StoreError), LogReader(layout.log) as reader:
        shutil.rmtree(layout.runroot(StoreId(reader.genesis().store)), ignore_errors=True)


def _record(session: Session, held: DrillHeld, wait_s: float) -> None:
    try:
        with session.host(wait_s, RegistryOptions()) as host:
            host.journal.decide(lambda _: [held])
    except Busy as error:
        session.out.note(f"the drill's outcome could not be recorded: {error.message}")


def _tell(session: Session, held: DrillHeld) -> None:
    differences = [{"kind": each.kind, "target": each.target, "detail": each.detail} for each in held.differences]
    if session.out.json:
        session.out.answer({
            "source": held.source, "position": held.position, "came_back": not held.count,
            "deployments": held.deployments, "images": held.images, "compared": held.compared,
            "differences": differences, "bytes": held.bytes, "seconds": held.duration_us / 1_000_000,
        })  # fmt: skip
    else:
        session.out.line(
            f"{many(held.deployments, 'deployment')} and {many(held.images, 'image')} came back in "
            f"{held.duration_us / 1_000_000:.1f} s, {size(held.bytes)}; compared in {held.compared} points"
        )
        for each in held.differences:
            session.out.line(f"{each.kind:<10}  {short(each.target)}  {each.detail}")
    if held.count:
        raise Drift(
            f"{many(held.count, 'thing')} would not come back: "
            + "; ".join(each.detail for each in held.differences[:5]),
            hint="'storectl backup --content' keeps what registries may lose",
        )
