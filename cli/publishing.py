"""Where checkpoints are published, as a command line names it, and how far the log is anchored elsewhere."""

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import urlsplit

from adapters.keys.ed25519 import verify
from adapters.publishing.file import FileDestination
from adapters.publishing.journal import JournalDestination
from adapters.publishing.published import PublishedFiles
from adapters.publishing.registry import RegistryDestination
from adapters.publishing.witness import WitnessDestination
from application.audit.publishing import Publication, publish
from cli.options import recordable
from cli.proving import prover
from cli.session import Session
from domain.errors import Failed, Usage
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.policy import Policy, parse_policy
from domain.ports import RegistryOptions
from domain.publishing import Destination
from domain.references import parse_reference

_HINT = "a file, journald:, docker://HOST/REPO:TAG, oci:DIR:TAG, or http(s)://WITNESS"


def parse_destination(session: Session, text: str, registry: RegistryOptions) -> Destination:
    """Raises Usage."""
    scheme, _, rest = text.partition(":")
    if scheme in ("http", "https"):
        parts = urlsplit(text)
        if not parts.hostname or parts.username or parts.password or parts.query or parts.fragment:
            raise Usage(
                f"not a witness: {text!r}", hint="its submission prefix: https://HOST/PATH, without credentials"
            )
        return WitnessDestination(text.rstrip("/"))
    if scheme == "journald":
        return JournalDestination(Path(rest)) if rest else JournalDestination()
    if scheme in ("docker", "oci"):
        return _registry(session, text, scheme, rest, registry)
    path = Path(text)
    if not text or scheme in ("file", "s3", "ssh", "ftp") or path.name in ("", "..") or path.is_dir():
        raise Usage(f"not a place for a checkpoint: {text!r}", hint=_HINT)
    return FileDestination(Path(recordable(path.absolute(), "--publish")), session.layout.sysroot)


def _registry(session: Session, text: str, scheme: str, rest: str, registry: RegistryOptions) -> Destination:
    if scheme == "docker":
        reference = rest.removeprefix("//")
        parse_reference(reference)
        target, elsewhere = f"docker://{reference}", not reference.startswith(("localhost", "127."))
    else:
        directory, _, tag = rest.rpartition(":")
        if not directory or not tag or "/" in tag:
            raise Usage(f"not an OCI layout with a tag: {text!r}", hint="oci:DIR:TAG")
        target = f"oci:{recordable(Path(directory).absolute(), '--publish')}:{tag}"
        elsewhere = FileDestination(Path(directory).absolute(), session.layout.sysroot).off_host
    last = published_files(session).last(target)
    size = parse_checkpoint(parse_note(last).text).size if last else 0
    return RegistryDestination(target, elsewhere, session.runner, registry, size)


def read_policy(path: Path) -> Policy:
    """A C2SP tlog-policy from a file. Raises Failed, BadInput."""
    try:
        return parse_policy(path.read_bytes())
    except OSError as error:
        raise Failed(f"cannot read the policy {path}: {error.strerror}") from error


def published_files(session: Session) -> PublishedFiles:
    """What was published from here."""
    return PublishedFiles(session.layout.checkpoints / "published")


def publish_to(
    session: Session, places: Sequence[Destination], policy: Policy | None, wait_s: float
) -> list[Publication]:
    """Publish the head under the store's lock, and record it."""
    witnesses = list(policy.witnesses.values()) if policy else None
    with session.host(wait_s, RegistryOptions()) as host:
        return publish(host.journal, prover(session), places, published_files(session), witnesses, verify)


def require_all(found: Sequence[Publication]) -> None:
    """Raises the worst of what went wrong: tampering before all else."""
    errors = [each.error for each in found if each.error is not None]
    if errors:
        raise max(errors, key=lambda error: error.exit_code)
