"""`storectl fsck`."""

from pathlib import Path

import click

from adapters.files.state_directory import mend_modes, mode_problems
from application.recovery.checking import check, record_repaired
from application.recovery.healing import heal
from cli.heal_places import heal_places
from cli.options import global_options, registry_of, registry_options, wait_option
from cli.output import many
from cli.session import Session, pass_session
from domain.errors import Drift as Differs
from domain.events.store import Drift
from domain.values import short
from projections.targets import find_deployment


@click.command("fsck")
@click.option("--deep", is_flag=True, help="Read every layer and every ostree object back.")
@click.option("--repair", is_flag=True, help="Bring back what the log can: see 'storectl heal'.")
@click.option("--from", "places", multiple=True, metavar="PLACE", help="With --repair: ask there, too.")
@click.option("--deployment", metavar="D", help="Only: could D start now, without a network?")
@registry_options
@wait_option
@global_options
@pass_session
def command(
    session: Session, deep: bool, repair: bool, places: tuple[str, ...], deployment: str | None, wait: float,
    authfile: Path | None, policy: Path | None, cert_dir: Path | None, tls_verify: bool | None, jobs: int,
) -> None:  # fmt: skip
    """The log's picture against the real store: what is missing, foreign, damaged, half-pulled or no longer bound.

    Exit 6 if anything differs. What is found is recorded.

    \b
    Example:
      storectl fsck --deep
    """
    with session.changing(wait, registry_of(authfile, policy, cert_dir, tls_verify), jobs) as host:
        target = find_deployment(host.graph, deployment, session.deployments_there()).id if deployment else None
        found = check(host, deep=deep, deployment=target, own=_own_files(session))
        mended: list[Drift] = []
        if repair and found:
            before = found
            mend_modes(session.layout)
            heal(host, None, heal_places(session, host, places), deep=deep)
            found = check(host, deep=deep, deployment=target, own=_own_files(session))
            mended = record_repaired(host, before, found)
    if session.out.json:
        document: dict[str, object] = {"clean": not found, "findings": _rows(found)}
        session.out.answer(document | ({"repaired": _rows(mended)} if repair else {}))
    else:
        for each in mended:
            session.out.line(f"repaired    {short(each.target)}  {each.kind}: {each.detail}")
        for each in found:
            session.out.line(f"{each.kind:<10}  {short(each.target)}  {each.detail}")
        if not found:
            session.out.line("clean")
    # What somebody else brought in is worth telling, and takes nothing away from anybody.
    wrong = [each for each in found if each.kind != "foreign"]
    if found:
        raise Differs(
            f"{many(len(found), 'difference')} between the log and the store"
            + ("" if wrong else ", all of them foreign"),
            hint="'storectl heal' brings back what is missing or damaged" if wrong else "'storectl gc --adopt-foreign'",
        )


def _own_files(session: Session) -> list[Drift]:
    return [Drift("damaged", path, problem) for path, problem in mode_problems(session.layout)]


def _rows(found: list[Drift]) -> list[dict[str, str]]:
    return [{"kind": each.kind, "target": each.target, "detail": each.detail} for each in found]
