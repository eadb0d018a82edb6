"""Names parsed into types, so that nothing unparsed reaches a command line or the graph.

The types are strings to every reader and distinct to the type checker. Only the `parse_*` functions here make
them from text that a person, a file or a program supplied.
"""

import re
from dataclasses import dataclass
from typing import NewType

from domain.errors import Usage

Digest = NewType("Digest", str)  # "sha256:<64 hex>": a manifest, config or blob digest
ImageId = NewType("ImageId", str)  # 64 hex: containers-storage's image id (= the config digest's hex)
LayerId = NewType("LayerId", str)  # 64 hex: containers-storage's layer id
Commit = NewType("Commit", str)  # 64 hex: an ostree commit checksum
Stateroot = NewType("Stateroot", str)  # an ostree stateroot ("osname")
DeploymentId = NewType("DeploymentId", str)  # "<stateroot>-<commit>.<serial>"
OperationId = NewType("OperationId", str)  # 16 hex
StoreId = NewType("StoreId", str)  # a UUID in text form

_HEX64 = re.compile(r"[0-9a-f]{64}")
_STATEROOT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,254}")
_DEPLOYMENT = re.compile(
    r"(?P<stateroot>[A-Za-z0-9_][A-Za-z0-9_.-]*)-(?P<commit>[0-9a-f]{64})\.(?P<serial>0|[1-9][0-9]{0,8})"
)


def parse_digest(text: str) -> Digest:
    """A SHA-256 digest, `sha256:` and 64 lower-case hex digits. Raises Usage."""
    if text.startswith("sha256:") and _HEX64.fullmatch(text[7:]):
        return Digest(text)
    raise Usage(f"not a digest: {text!r}", hint="a digest is written sha256:<64 hex digits>")


def parse_hex64(text: str, what: str) -> str:
    """64 lower-case hex digits, the form of image ids, layer ids and commits. Raises Usage."""
    if _HEX64.fullmatch(text):
        return text
    raise Usage(f"not {what}: {text!r}", hint="64 lower-case hex digits are expected")


def parse_stateroot(text: str) -> Stateroot:
    """A stateroot name that is one safe path component. Raises Usage."""
    if _STATEROOT.fullmatch(text):
        return Stateroot(text)
    raise Usage(
        f"not a stateroot name: {text!r}", hint="letters, digits, '_', '.' and '-', not starting with '.' or '-'"
    )


@dataclass(frozen=True, slots=True)
class DeploymentName:
    """A deployment as ostree names it, taken apart."""

    stateroot: Stateroot
    commit: Commit
    serial: int

    @property
    def id(self) -> DeploymentId:
        return DeploymentId(f"{self.stateroot}-{self.commit}.{self.serial}")


def parse_deployment(text: str) -> DeploymentName:
    """`<stateroot>-<commit>.<serial>`. Raises Usage."""
    match = _DEPLOYMENT.fullmatch(text)
    if match is None:
        raise Usage(
            f"not a deployment: {text!r}",
            hint="a deployment is <stateroot>-<commit>.<serial>; see 'storectl deployments'",
        )
    return DeploymentName(Stateroot(match["stateroot"]), Commit(match["commit"]), int(match["serial"]))


def short(identity: str, length: int = 12) -> str:
    """The first hex digits of a digest, id, commit or deployment, for people."""
    match = _DEPLOYMENT.fullmatch(identity)
    if match is not None:
        return f"{match['stateroot']}-{match['commit'][:length]}.{match['serial']}"
    return identity.removeprefix("sha256:")[:length]
