"""Image references as people write them, and skopeo's TRANSPORT:DETAILS.

Grammar: distribution/reference ("Docker reference"), with the normalisation that podman and skopeo apply.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from domain.errors import Usage
from domain.values import Digest, parse_digest

_COMPONENT = r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*"
_DOMAIN_PART = r"(?:[A-Za-z0-9]|[A-Za-z0-9][A-Za-z0-9-]*[A-Za-z0-9])"
_DOMAIN = rf"(?:{_DOMAIN_PART}(?:\.{_DOMAIN_PART})*|\[[0-9A-Fa-f:]+\])(?::[0-9]{{1,5}})?"
_REFERENCE = re.compile(
    rf"(?P<name>(?:{_DOMAIN}/)?{_COMPONENT}(?:/{_COMPONENT})*)(?::(?P<tag>[A-Za-z0-9_][A-Za-z0-9_.-]{{0,127}}))?(?:@(?P<digest>.+))?"
)
_TRANSPORT = re.compile(
    r"(?P<transport>docker|oci|oci-archive|docker-archive|dir|containers-storage):(?P<details>.+)", re.DOTALL
)
_MAX_NAME = 255
_STAND_IN = "storectl-"


@dataclass(frozen=True, slots=True)
class ImageReference:
    """`repository[:tag][@digest]`; the repository is normalised (`docker.io/library/…` where no host is given)."""

    repository: str
    tag: str | None
    digest: Digest | None

    def __str__(self) -> str:
        return self.repository + (f":{self.tag}" if self.tag else "") + (f"@{self.digest}" if self.digest else "")

    @property
    def name(self) -> str | None:
        """The name that podman looks an image up by, where the reference has a tag and no digest."""
        return None if self.digest else f"{self.repository}:{self.tag}"

    def at(self, digest: Digest) -> "ImageReference":
        """The same repository at one digest: what is pulled, and the name that can never move."""
        return ImageReference(self.repository, None, digest)


@dataclass(frozen=True, slots=True)
class TransportSource:
    """skopeo's `TRANSPORT:DETAILS` for anything but a registry."""

    transport: str
    details: str

    def __str__(self) -> str:
        return f"{self.transport}:{self.details}"


ImageSource = ImageReference | TransportSource


def parse_reference(text: str) -> ImageReference:
    """A reference as quadlets and people write it; without tag and digest the tag is `latest`. Raises Usage."""
    match = _REFERENCE.fullmatch(text)
    if match is None or len(match["name"]) > _MAX_NAME:
        raise Usage(
            f"not an image reference: {text!r}",
            hint="expected [HOST/]NAME[:TAG][@sha256:…], all lower case but the tag",
        )
    digest = parse_digest(match["digest"]) if match["digest"] else None
    tag = match["tag"] if match["tag"] or digest else "latest"
    return ImageReference(_normalised(match["name"]), tag, digest)


def parse_source(text: str) -> ImageSource:
    """A reference, or skopeo's TRANSPORT:DETAILS; `docker://REF` is the reference itself. Raises Usage."""
    match = _TRANSPORT.fullmatch(text)
    if match is None:
        return parse_reference(text)
    if match["transport"] == "docker" and match["details"].startswith("//"):
        return parse_reference(match["details"][2:])
    # "docker:TAG" is a reference to an image of that name; only "docker://" is the transport.
    if match["transport"] == "docker" or "\0" in text:
        return parse_reference(text)
    return TransportSource(match["transport"], match["details"])


def stand_in(repository: str, digest: Digest) -> str:
    """A name for an image that lost its tag to another one: nameless, it would be anybody's to clean up."""
    return f"{repository}:{_STAND_IN}{digest.removeprefix('sha256:')[:12]}"


def is_stand_in(name: str) -> bool:
    """Whether the name is one that storectl gave for want of a better: `repo@digest` from a pull, or a `stand_in`."""
    return "@sha256:" in name or name.rpartition(":")[2].startswith(_STAND_IN)


def best_name(names: Sequence[str]) -> str:
    """The name that says most to people: one with a tag, else one with its digest cut short; empty without any."""
    tagged = next((name for name in names if "@" not in name), None)
    if tagged is not None or not names:
        return tagged or ""
    repository, _, digest = names[0].partition("@sha256:")
    return f"{repository}@{digest[:12]}"


def _normalised(name: str) -> str:
    first, slash, rest = name.partition("/")
    if not slash:
        return f"docker.io/library/{name}"
    if not ("." in first or ":" in first or first == "localhost" or first != first.lower()):
        return f"docker.io/{name}"
    return f"docker.io/library/{rest}" if first == "docker.io" and "/" not in rest else name
