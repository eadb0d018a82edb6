"""Binding by hand, beyond what a deployment's root file system names; and pulling under a lease."""

from collections.abc import Callable
from dataclasses import dataclass

from application.host import Host
from application.naming import give_name, name_is_bound
from application.procedures import carry_out, intent_of
from application.pulling import bring_in, record_present, resolve_all
from domain.decisions.binding import find_binding, refuse_name_in_use
from domain.events.hold import LeaseGranted
from domain.events.image import ImageBound, ImageUnbound
from domain.graph import ImageNode, OpenOperation
from domain.ports import Blob, RegistryOptions, ResolvedImage
from domain.references import ImageReference, ImageSource, parse_reference, parse_source
from domain.values import DeploymentId, Digest


@dataclass(frozen=True, slots=True)
class PullIntent:
    """One image as resolved; bound to `deployment` as `name`, or held by `lease` for `lease_us`. A `name` that is not
    the source is that of a bound-images.d file.
    """

    source: str
    digest: Digest
    list_digest: Digest | None
    config_digest: Digest
    blobs: tuple[Digest, ...]
    blob_bytes: tuple[int, ...]
    deployment: DeploymentId | None
    name: str
    lease: str
    lease_us: int
    registry: RegistryOptions

    def resolved(self) -> ResolvedImage:
        blobs = tuple(Blob(digest, size) for digest, size in zip(self.blobs, self.blob_bytes, strict=True))
        return ResolvedImage(parse_source(self.source), self.digest, self.list_digest, self.config_digest, blobs)


def pull(host: Host, source: ImageSource, *, lease_us: int, new_lease: Callable[[], str]) -> ImageNode:
    """Bring an image in and hold it for a time. Raises ImageUnavailable."""
    resolved = resolve_all(host, [source])[source]
    intent = _intent(host, resolved, lease=new_lease(), lease_us=lease_us)
    carry_out(host, PULLING, host.journal.begin(PULLING.command, intent))
    return _found(host, resolved)


def bind(host: Host, source: ImageSource, deployment: DeploymentId) -> ImageNode:
    """Bring an image in and bind it to a deployment. Raises ImageUnavailable, NotFound, or Refused."""
    refuse_name_in_use(host.graph, deployment, str(source))
    resolved = resolve_all(host, [source])[source]
    intent = _intent(host, resolved, deployment=deployment, name=str(source))
    carry_out(host, BINDING, host.journal.begin(BINDING.command, intent))
    return _found(host, resolved)


def supply(host: Host, reference: str, deployment: DeploymentId, name: str) -> ImageNode:
    """Bring in what a deployment's own file `name` binds, and the store lacks. Raises ImageUnavailable or Usage."""
    source = parse_reference(reference)
    resolved = resolve_all(host, [source])[source]
    intent = _intent(host, resolved, deployment=deployment, name=name)
    carry_out(host, BINDING, host.journal.begin(BINDING.command, intent))
    return _found(host, resolved)


def unbind(host: Host, image: str, deployment: DeploymentId) -> ImageUnbound:
    """Take back a binding made by hand, named by its image or reference. Raises NotFound or Refused."""
    binding = find_binding(host.graph, deployment, image)
    event = ImageUnbound(binding.image, deployment, binding.name)
    # Nothing outside the log changes: one event is the whole operation.
    host.journal.record(event)
    return event


def _intent(
    host: Host,
    resolved: ResolvedImage,
    *,
    deployment: DeploymentId | None = None,
    name: str = "",
    lease: str = "",
    lease_us: int = 0,
) -> PullIntent:
    return PullIntent(
        str(resolved.source), resolved.digest, resolved.list_digest, resolved.config_digest,
        tuple(blob.digest for blob in resolved.blobs), tuple(blob.bytes for blob in resolved.blobs),
        deployment, name, lease, lease_us, host.registry,
    )  # fmt: skip


def _found(host: Host, resolved: ResolvedImage) -> ImageNode:
    node = host.graph.image_by_digest(resolved.digest)
    assert node is not None, "the operation completed: the image is in the graph"
    return node


class _Bringing:
    """Both kinds: what differs is what holds the image afterwards."""

    def __init__(self, command: str) -> None:
        self.command = command

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(PullIntent, operation)
        image = bring_in(host, operation, [intent.resolved()], intent.registry)[intent.digest]
        held = host.graph.images[image.id].holds
        if intent.deployment is None:
            if not any(key.owner == intent.lease for key in held):
                until = host.now_us() + intent.lease_us
                host.journal.record(LeaseGranted(intent.lease, image.id, until), operation=operation.id)
        elif not any(key.owner == intent.deployment and key.name == intent.name for key in held):
            host.journal.record(
                ImageBound(
                    image.id,
                    intent.deployment,
                    intent.name,
                    intent.source,
                    intent.digest,
                    by_hand=intent.name == intent.source,
                ),
                operation=operation.id,
            )
        _name(host, operation, intent, image.id)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(PullIntent, operation)
        record_present(host, operation, [intent.resolved()])
        return f"{intent.source} is not held by this operation; if it was pulled it is garbage now"


def _name(host: Host, operation: OpenOperation, intent: PullIntent, image: str) -> None:
    """A pulled image gets the name it was asked by, unless a deployment binds another image under it."""
    source = parse_source(intent.source)
    name = source.name if isinstance(source, ImageReference) else None
    node = host.graph.image_by_digest(intent.digest)
    if name is None or node is None or node.id != image or name_is_bound(host, name, node.id):
        return
    give_name(host, operation, host.store.view(), node.id, name)


PULLING = _Bringing("pull")
BINDING = _Bringing("bind")
