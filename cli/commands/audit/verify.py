"""`storectl audit verify`."""

from functools import partial
from pathlib import Path

import click

from adapters.files.archive import Archive
from adapters.keys.ed25519 import verify as ed25519
from application.audit.bundle_checking import BundleVerdict, check_bundle
from application.audit.bundle_evidence import BundleTrust
from cli.exports import read_note
from cli.options import global_options
from cli.output import many
from cli.publishing import read_policy
from cli.session import Session, pass_session
from domain.bundle.manifest import MEMBERS
from domain.errors import Tampered, Unchecked
from domain.ledger.keys import parse_vkey


@click.command("verify")
@click.argument("bundle", type=click.Path(path_type=Path))
@click.option("--key", "vkeys", metavar="VKEY", multiple=True, help="The log's verifier key, or its root key's.")
@click.option("--policy", type=click.Path(path_type=Path), metavar="FILE",
              help="A C2SP tlog-policy: log keys to trust, and witnesses that have to have cosigned.")  # fmt: skip
@click.option("--against", type=click.Path(path_type=Path), multiple=True, metavar="FILE",
              help="A checkpoint kept earlier, which this log has to continue.")  # fmt: skip
@global_options
@pass_session
def verify(
    session: Session, bundle: Path, vkeys: tuple[str, ...], policy: Path | None, against: tuple[Path, ...]
) -> None:
    """Check a bundle. Needs no store, no root and no network; trusts no key that comes with the bundle.

    Exit 3 if anything does not hold; 7 if it could not be checked: without a key, or with another log's.

    \b
    Example:
      storectl audit verify november.bundle --key "$VKEY" --against checkpoint
    """
    wanted = read_policy(policy) if policy else None
    keys = (*map(parse_vkey, vkeys), *(wanted.logs if wanted else ()))
    witnessed = partial(wanted.witnessed, verify=ed25519) if wanted else None
    trust = BundleTrust(keys, [read_note(path) for path in against], witnessed)
    opened: list[Archive] = []

    def open_bundle() -> Archive:
        opened.append(Archive(bundle, MEMBERS))
        return opened[0]

    session.out.progress(f"verifying {bundle.name}")
    try:
        found = check_bundle(open_bundle, trust, ed25519)
    finally:
        for archive in opened:
            archive.close()
    _show(session, found)
    _raise_unless_verified(found)


def _show(session: Session, found: BundleVerdict) -> None:
    verdict, span = found.verdict, found.range
    if session.out.json:
        session.out.answer({
            "verdict": verdict.verdict, "size": verdict.size, "root_hash": verdict.root_hash,
            "findings": [{"position": f.position, "problem": f.problem} for f in verdict.findings],
            "signatures_checked": verdict.signatures_checked, "not_checked": list(verdict.not_checked),
            "proves": found.proves, "range": span,
        })  # fmt: skip
        return
    out = session.out
    signatures = many(verdict.signatures_checked, "signature")
    out.line(f"{verdict.verdict}: {many(int(str(span.get('count', 0))), 'event')}, {signatures} checked")
    if found.proves:
        out.line(f"{found.proves}: positions {span['first']} to {span['last']} of {many(verdict.size, 'event')}")
        if found.proves == "completeness":
            out.line(f"complete after {span['after'] or 'the beginning'}, before {span['before'] or 'the end'}")
        out.line(f"root hash {verdict.root_hash}")
    for finding in verdict.findings:
        out.line(f"  {f'event {finding.position}' if finding.position else 'bundle'}: {finding.problem}")
    for text in verdict.not_checked:
        out.line(f"not checked: {text}")


def _raise_unless_verified(found: BundleVerdict) -> None:
    verdict = found.verdict
    if verdict.verdict == "verified":
        return
    first = verdict.findings[0]
    where = f"event {first.position}: " if first.position else ""
    if verdict.verdict == "tampered":
        raise Tampered(f"the bundle does not hold: {where}{first.problem}", hint="ask for it again, by another way")
    raise Unchecked(
        f"the bundle could not be checked: {where}{first.problem}",
        hint="name the verifier key that whoever runs the store gave you: --key VKEY, or --policy FILE",
    )
