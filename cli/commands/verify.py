"""`storectl verify`."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import click

from adapters.event_log.high_water import HighWater
from adapters.event_log.opening import log_keys
from adapters.event_log.raw_file import RawLogFile
from adapters.files.state_directory import replace_file
from adapters.keys.ed25519 import verify
from application.audit.verdict import Finding, Verdict
from application.audit.verifying import Trust, verify_log
from cli.exports import read_note
from cli.options import global_options
from cli.output import many
from cli.publishing import published_files, read_policy
from cli.session import Session, pass_session
from domain.errors import BadInput, Failed, KeyUnusable, StoreError, Tampered, Unchecked, Usage
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.keys import VerifierKey, parse_vkey, root_key_name
from domain.ledger.policy import NONE, Policy
from domain.ledger.record import decode_body, decode_record
from domain.ledger.verified import VerifiedState, parse_state, state_text


@click.command("verify")
@click.option("--signatures/--no-signatures", default=True, show_default=True, help="Check every event's signature.")
@click.option("--fast", is_flag=True, help="As --no-signatures: tree and chain against the signed checkpoint.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE",
              help="Remember there what was verified, and next time read only what is newer.")  # fmt: skip
@click.option(
    "--against",
    "against",
    type=click.Path(path_type=Path),
    multiple=True,
    metavar="FILE",
    help="An earlier checkpoint: history must only have been appended to since.",
)
@click.option("--key", "vkey", metavar="VKEY",
              help="The log's or the root's verifier key to trust. [default: the store's own]")  # fmt: skip
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE",
              help="A C2SP tlog-policy: keys to trust, and witnesses that have to have cosigned.")  # fmt: skip
@global_options
@pass_session
def command(
    session: Session, signatures: bool, fast: bool, state: Path | None, against: tuple[Path, ...], vkey: str | None,
    policy: Path | None,
) -> None:  # fmt: skip
    """Check the whole log: encoding, index, chain, tree, every signature, columns against bytes, checkpoint.

    Exit 3 if anything does not hold, with the first bad position; 7 if it could not be checked.

    \b
    Example:
      storectl verify --against /mnt/usb/checkpoint
    """
    session.require_store()
    notes = [read_note(path) for path in against]
    wanted = read_policy(policy) if policy else None
    given = _given(session, parse_vkey(vkey) if vkey is not None else None, wanted)
    start = _read_state(state)
    doubts: tuple[Finding, ...] = ()
    session.out.progress("verifying the log")
    try:
        trust = Trust(given, None, notes) if given else _own_trust(session, notes)
        if given is None and len(trust.against) == len(notes):
            doubts = (Finding(None, "no high-water mark: whether the last events were lost cannot be told"),)
        if wanted is not None:
            published = _published(session, wanted, start.size if start else 0)
            witnessed = partial(wanted.witnessed, verify=verify)
            trust = replace(trust, against=[*trust.against, *published], quorum=witnessed)
        source, signatures = RawLogFile(session.layout.log), signatures and not fast
        checked = verify_log(
            source, replace(trust, start=start), verify, signatures=signatures, progress=session.out.measure
        )
        verdict = doubted(checked, doubts)
    except (BadInput, Failed) as error:
        # The file itself cannot be read: that is neither "verified" nor "tampered".
        raise Unchecked(f"the log could not be checked: {error.message}", hint=error.hint) from error
    if state is not None and verdict.verdict == "verified" and verdict.state is not None:
        replace_file(state, state_text(verdict.state))
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
    mark = HighWater(session.layout.high_water, [key, *_earlier_keys(session)], verify).read()
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


def _earlier_keys(session: Session) -> list[VerifierKey]:
    """Keys of before, by the log itself: the mark may be older than the last rotation. It is a guard, no evidence."""
    try:
        return log_keys(session.reader().key_schedule(verify), session.reader().origin)
    except StoreError:
        return []


def _given(session: Session, key: VerifierKey | None, policy: Policy | None) -> VerifierKey | None:
    """The key to trust: the one named, or one of the policy's that this log has. Raises Usage, Unchecked."""
    if key is not None and policy is not None and policy.logs:
        raise Usage("--key and a policy that names logs: one of them", hint="leave --key away")
    if key is not None or policy is None or not policy.logs:
        return key
    origin = _origin(session.layout.log)
    ours = [each for each in policy.logs if each.name in (origin, root_key_name(origin))]
    if not ours:
        raise Unchecked(f"the policy names no key of the log {origin!r}", hint="add a line 'log VKEY' to it")
    there = _earlier_keys(session)
    # Each of them is trusted: which one is taken is a matter of whether it leads anywhere in this log.
    return next((each for each in ours if each in there or each.name != origin), ours[0])


def _published(session: Session, policy: Policy, beyond: int) -> list[str]:
    """What went to witnesses and came back cosigned: the log's own head has only the log's signature."""
    if policy.quorum == NONE:
        return []
    notes = published_files(session).notes()
    return [note for note in notes if parse_checkpoint(parse_note(note).text).size >= beyond]


def _read_state(path: Path | None) -> VerifiedState | None:
    """What was verified before; None the first time. Raises Failed, Unchecked."""
    if path is None or not path.exists():
        return None
    try:
        return parse_state(read_note(path))
    except BadInput as error:
        raise Unchecked(f"{path}: {error.message}", hint=error.hint) from error
