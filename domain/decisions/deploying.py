"""What may be deployed: into which stateroot, and with which sealed set."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from domain.errors import ImageUnavailable, NotFound, Usage
from domain.events.deployment import SealedImage
from domain.graph import ReferenceGraph
from domain.ports import Blob, ResolvedImage
from domain.references import parse_reference
from domain.store_view import StoredImage
from domain.values import Digest, Stateroot


@dataclass(frozen=True, slots=True)
class Member:
    """One bound image as resolved for an operation, in plain fields so that an intent can hold it."""

    name: str
    reference: str
    digest: Digest
    list_digest: Digest | None
    config_digest: Digest
    blobs: tuple[Digest, ...]
    blob_bytes: tuple[int, ...]

    def resolved(self) -> ResolvedImage:
        blobs = tuple(Blob(digest, size) for digest, size in zip(self.blobs, self.blob_bytes, strict=True))
        return ResolvedImage(parse_reference(self.reference), self.digest, self.list_digest, self.config_digest, blobs)


def check_source(source: str) -> None:
    """Raises Usage for no source, and for a URL with a user in it: it would be in the log for ever, and in lists of
    processes.
    """
    if not source:
        raise Usage("--from is empty", hint="name a repository, a URL or a remote")
    if re.match(r"[A-Za-z][A-Za-z0-9+.-]*://[^/]*@", source):
        raise Usage(
            "the URL of --from has a user name or password in it",
            hint="configure a remote ('ostree remote add') and give its name",
        )


def choose_stateroot(asked: Stateroot | None, existing: Sequence[Stateroot], graph: ReferenceGraph) -> Stateroot:
    """The one asked for, that of the default deployment, or the only one. Raises NotFound or Usage."""
    if asked is not None:
        if asked in existing:
            return asked
        raise NotFound(
            f"there is no stateroot {asked!r} in this sysroot (there are: {', '.join(existing) or 'none'})",
            hint=f"'storectl init --stateroot {asked}' makes it",
        )
    default = graph.in_order()
    if default and default[0].stateroot in existing:
        return default[0].stateroot
    if len(existing) == 1:
        return existing[0]
    if not existing:
        raise NotFound("this sysroot has no stateroot", hint="'storectl init --stateroot NAME' makes one")
    raise Usage(f"which stateroot? There are: {', '.join(existing)}", hint="say --stateroot NAME")


def sealed_images(members: Sequence[Member], stored: Mapping[Digest, StoredImage]) -> tuple[SealedImage, ...]:
    """The set to seal. Raises ImageUnavailable unless every member is in the store under its own digest."""
    sealed = []
    for member in members:
        image = stored.get(member.digest)
        if image is None or member.digest not in image.digests or f"sha256:{image.id}" != member.config_digest:
            raise ImageUnavailable(
                f"{member.name}: {member.reference} is not in the store as {member.digest}",
                hint="nothing was deployed; see 'storectl images'",
            )
        sealed.append(SealedImage(member.name, member.reference, member.digest, image.id))
    return tuple(sealed)
