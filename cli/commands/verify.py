"""`storectl verify`."""

from dataclasses import replace
from pathlib import Path

import click

from adapters.event_log.high_water import HighWater
from adapters.event_log.raw_file import RawLogFile
from adapters.keys.ed25519 import verify
from application.audit.verdict import Finding, Verdict
from application.audit.verifying import Trust, verify_log
from cli.options import global_options
from cli.output import many
from cli.session import Session, pass_session
from domain.errors import BadInput, Failed, KeyUnusable, Tampered, Unchecked
from domain.ledger.keys import VerifierKey, parse_vkey
from domain.ledger.record import decode_body, decode_record

_MAX_NOTE = 1 << 20


@click.command("verify")
@click.option("--signatures/--no-signatures", default=True, show_default=True, help="Check every event's signature.")
@click.option(
    "--against",
    "against",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="An earlier checkpoint: history must only have been appended to since.",
)
@click.option("--key", "vkey", metavar="VKEY", help="The verifier key to trust. [default: the store's own]")
@global_options
@pass_session
def command(session: Session, signatures: bool, against: tuple[Path, ...], vkey: str | None) -> None:  # fmt: skip
    """Check the whole log: encoding, index, chain, tree, every signature, columns against bytes, checkpoint.

    Exit 3 if anything does not hold, with the first bad position; 7 if it could not be checked.

    \b
    Example:
      storectl verify --against /mnt/usb/checkpoint
    """
    session.require_store()
    notes = [_read_note(path) for path in against]
    given = parse_vkey(vkey) if vkey is not None else None
    doubts: tuple[Finding, ...] = ()
    session.out.progress("verifying the log")
    try:
        trust = Trust(given, None, notes) if given else _own_trust(session, notes)
        if given is None and len(trust.against) == len(notes):
            doubts = (Finding(None, "no high-water mark: whether the last events were lost cannot be told"),)
        verdict = doubted(
            verify_log(
                RawLogFile(session.layout.log), trust, verify, signatures=signatures, progress=session.out.measure
            ),
            doubts,
        )
    except (BadInput, Failed) as error:
        # The file itself cannot be read: that is neither "verified" nor "tampered".
        raise Unchecked(f"the log could not be checked: {error.message}", hint=error.hint) from error
    document = {
        "verdict": verdict.verdict, "size": verdict.size, "root_hash": verdict.root_hash,
        "findings": [{"position": f.position, "problem": f.problem} for f in verdict.findings],
        "signatures_checked": verdict.signatures_checked, "not_checked": list(verdict.not_checked),
    }  # fmt: skip
    if session.out.json:
        session.out.answer(document)
    else:
        session.out.line(
            f"{verdict.verdict}: {many(verdict.size, 'event')}, {many(verdict.signatures_checked, 'signature')} checked"
        )
        session.out.line(f"root hash {verdict.root_hash}")
        for found in verdict.findings:
            session.out.line(f"  {f'event {found.position}' if found.position else 'log'}: {found.problem}")
        for text in verdict.not_checked:
            session.out.line(f"not checked: {text}")
    raise_unless_verified(verdict)


def doubted(verdict: Verdict, doubts: tuple[Finding, ...]) -> Verdict:
    """The verdict with what could not be checked besides: no longer `verified` if there is anything."""
    if not doubts:
        return verdict
    worse = "unchecked" if verdict.verdict == "verified" else verdict.verdict
    return replace(verdict, verdict=worse, findings=(*verdict.findings, *doubts))


def raise_unless_verified(verdict: Verdict) -> None:
    """Raises Tampered (exit 3) or Unchecked (exit 7) with the first finding."""
    if verdict.verdict == "verified":
        return
    first = verdict.findings[0]
    where = f"event {first.position}: " if first.position else ""
    if verdict.verdict == "tampered":
        raise Tampered(f"the log does not hold: {where}{first.problem}", hint="keep a copy; restore it from a backup")
    raise Unchecked(f"the log could not be checked: {where}{first.problem}")


def _own_trust(session: Session, notes: list[str]) -> Trust:
    """The store's own key files, and its high-water mark: what the log once held it must still hold.

    Raises KeyUnusable.
    """
    keys = session.keyring
    try:
        log_key, event_key = keys.public("log"), keys.public("event")
    except KeyUnusable as error:
        raise KeyUnusable(error.message, hint="or name the verifier key: --key VKEY") from error
    key = VerifierKey(_origin(session.layout.log), log_key)
    mark = HighWater(session.layout.high_water, [key], verify).read()
    return Trust(key, event_key, [*notes, *([mark.note] if mark else [])])


def _origin(path: Path) -> str:
    """What the log's first record calls itself; empty where there is none. Raises Tampered."""
    with RawLogFile(path).snapshot() as log:
        first = next(log.rows, None)
    record = first.record if first is not None else None
    try:
        return decode_body(decode_record(record).body).origin if isinstance(record, bytes) else ""
    except BadInput as error:
        raise Tampered(f"event 1: {error.message}", hint="restore the log from a backup") from error


def _read_note(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return file.read(_MAX_NOTE).decode("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Failed(f"cannot read the checkpoint {path}: {error}") from error
