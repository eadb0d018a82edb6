"""Verifying a bundle, away from the store that it came from (docs/reference/bundle-format.md).

Everything in a bundle besides its evidence follows from it: it is made anew here and compared, so that no byte of a
bundle has to be believed.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from application.audit.bundle_evidence import BundleTrust, Evidence, end, expect
from application.audit.bundle_reading import BundleFiles, read_event, records, small, text
from application.audit.signature_checks import SignatureChecks
from application.audit.verdict import MAX_FINDINGS, Finding, Verdict, Verdicts
from domain.bundle import manifest as files
from domain.bundle.guide import TEXT
from domain.bundle.manifest import Member, manifest, range_json, statement
from domain.bundle.report import report
from domain.bundle.rows import Document
from domain.errors import BadInput, Tampered, Unchecked
from domain.ledger.keys import Verify
from domain.ledger.merkle import verify_inclusion
from domain.ledger.tlog_proof import HEADER, parse_tlog_proof


@dataclass(frozen=True, slots=True)
class BundleVerdict:
    """`verdict.size` and `root_hash` are the checkpoint's. `range` is the manifest's, `proves` too; empty where the
    bundle is not what it says.
    """

    verdict: Verdict
    proves: str = ""
    range: dict[str, object] = field(default_factory=dict)


def check_bundle(open_bundle: Callable[[], BundleFiles], trust: BundleTrust, verify: Verify) -> BundleVerdict:
    """Raises only what reading the file raises (Failed): what a bundle is not, is a finding."""
    with SignatureChecks(verify) as checks:
        check = Evidence(trust, verify, checks)
        try:
            _check_all(check, open_bundle())
        except Unchecked as error:
            check.doubts.append(Finding(check.position, error.message))
        except (BadInput, Tampered) as error:
            check.findings.append(Finding(check.position, error.message))
        except ValueError as error:
            check.findings.append(Finding(None, str(error)))
        checks.finish()
    found = sorted({*check.findings, *checks.findings}, key=lambda f: (f.position is None, f.position or 0))
    said: Verdicts = "tampered" if found else "unchecked" if check.doubts else "verified"
    left_out = ["whether a key was revoked after the last change of keys that the bundle shows"]
    if check.coverage.proves == "inclusion":
        left_out.append(f"whether other events fit the filters: {statement('inclusion')}")
    size, root = (0, "") if found else (check.checkpoint.size, check.checkpoint.root_hash.hex())
    verdict = Verdict(said, size, root, (*found[:MAX_FINDINGS], *check.doubts), checks.checked, tuple(left_out))
    if not size:
        return BundleVerdict(verdict)
    return BundleVerdict(verdict, check.coverage.proves, range_json(check.coverage))


def _check_all(evidence: Evidence, bundle: BundleFiles) -> None:
    evidence.read(bundle)
    _check_sample(evidence, bundle)
    for name, pieces in (
        (files.REPORT, report(evidence.facts, _documents(evidence, bundle))),
        (files.GUIDE, [TEXT.encode()]),
        (files.MANIFEST, [manifest(evidence.facts, _members(bundle))]),
    ):
        _compare(bundle, name, pieces)
    evidence.check_earlier()
    evidence.find_unattributable()


def _check_sample(evidence: Evidence, bundle: BundleFiles) -> None:
    """One event for checking by hand, with the proof that leads from it to the checkpoint."""
    event, head = evidence.sample, evidence.checkpoint
    _compare(bundle, files.SAMPLE, [event.record])
    proof = parse_tlog_proof(text(small(bundle, files.SAMPLE_PROOF), files.SAMPLE_PROOF))
    if proof.index != event.body.leaf_index or proof.checkpoint != evidence.note:
        raise Tampered(f"{files.SAMPLE_PROOF} is not of that event and this checkpoint")
    if not verify_inclusion(event.leaf, proof.index, head.size, proof.hashes, head.root_hash):
        raise Tampered(f"the inclusion proof in {files.SAMPLE_PROOF} does not hold")
    _compare(bundle, files.SAMPLE_PROOF, [f"{HEADER}\n{proof.spicy}".encode()])
    _compare(bundle, files.SAMPLE_SPICY, [proof.spicy.encode()])


def _documents(evidence: Evidence, bundle: BundleFiles) -> Iterator[Document]:
    coverage = evidence.coverage
    for record in records(bundle):
        event = read_event(record)
        if coverage.first <= event.body.leaf_index + 1 <= coverage.last:
            yield evidence.document(event)


def _members(bundle: BundleFiles) -> dict[str, Member]:
    return {name: Member(bundle.size(name), bundle.sha256(name)) for name in files.MEMBERS[:-1]}


def _compare(bundle: BundleFiles, name: str, pieces: Iterable[bytes]) -> None:
    member = bundle.open(name)
    for piece in pieces:
        expect(member, piece, name)
    end(member, name)
