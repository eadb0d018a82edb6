"""Bringing images into the store: resolved once, fetched by digest, read back, recorded.

Several at a time, yet no blob twice: an image whose missing blobs another one is fetching waits for it.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait

from application.host import Host
from application.inventory import complete, observed, pulled
from domain.decisions.room import refuse_unless_room
from domain.errors import ImageUnavailable, StoreError
from domain.events.base import Event
from domain.events.hold import LeaseGranted
from domain.graph import OpenOperation
from domain.ports import RegistryOptions, ResolvedImage
from domain.references import ImageSource
from domain.scheduling import startable
from domain.store_view import StoredImage
from domain.values import Digest

CLAIM_US = 24 * 3600 * 1_000_000
"""How long an operation's claim on an image that was there already lasts, should nobody ever end the operation."""


def resolve_all(host: Host, sources: Iterable[ImageSource]) -> dict[ImageSource, ResolvedImage]:
    """Look every source up once. Raises ImageUnavailable that names each one which cannot be had."""
    wanted = list(dict.fromkeys(sources))
    with ThreadPoolExecutor(max_workers=max(1, host.jobs)) as pool:
        futures = {source: pool.submit(host.source.resolve, source, host.registry) for source in wanted}
    failures = [error for future in futures.values() if isinstance(error := future.exception(), StoreError)]
    if failures:
        raise _together(failures)
    return {source: future.result() for source, future in futures.items()}


def bring_in(
    host: Host, operation: OpenOperation, wanted: Iterable[ResolvedImage], registry: RegistryOptions
) -> Mapping[Digest, StoredImage]:
    """Have every image in the store, whole, and its events in the log; what is there already is not fetched again.

    Idempotent: after a crash it goes on where it stopped. Raises ImageUnavailable naming all that could not be had;
    those that could are recorded all the same, so that nothing in the store is unknown to the log.
    """
    by_digest = {image.digest: image for image in wanted}
    host.store.create()  # it may have been lost as a whole
    _claim_present(host, operation, by_digest)
    missing = [image for digest, image in by_digest.items() if not _present(host, digest)]
    _require_room(host, missing)
    failures = _fetch(
        host, missing, host.registry.over(registry), on_done=lambda image: _record_present(host, operation, [image])
    )
    if failures:
        raise _together(failures)
    return _read_back(host, by_digest)


def record_present(host: Host, operation: OpenOperation, wanted: Iterable[ResolvedImage]) -> None:
    """Record whichever of the images are in the store and not in the log: this operation brought them in."""
    _record_present(host, operation, wanted)


def _present(host: Host, digest: Digest) -> bool:
    node = host.graph.image_by_digest(digest)
    return node is not None


def _claim_present(host: Host, operation: OpenOperation, wanted: Mapping[Digest, ResolvedImage]) -> None:
    """Hold what is there already, so that it stays while the rest is fetched; take over what was merely observed."""
    _record_present(host, operation, wanted.values())
    view = host.store.view()
    events: list[Event] = []
    until = host.now_us() + CLAIM_US
    for digest in wanted:
        node = host.graph.image_by_digest(digest)
        if node is None or any(key.owner == operation.id for key in node.holds):
            continue
        if not node.managed:
            image = view.images[node.id]
            events += observed(image, view, host.store.links(view.chain(image.layer)), managed=True)
        events.append(LeaseGranted(operation.id, node.id, until))
    host.journal.record(*events, operation=operation.id)


def _record_present(host: Host, operation: OpenOperation, wanted: Iterable[ResolvedImage]) -> None:
    view = host.store.view()
    for resolved in wanted:
        image = view.by_digest(resolved.digest)
        known = image is not None and image.id in host.graph.images and host.graph.images[image.id].present
        if image is None or known or not complete(image, view):
            continue
        links = host.store.links(view.chain(image.layer))
        host.store.sync()
        host.journal.record(*pulled(resolved, image, view, links), operation=operation.id)


def _require_room(host: Host, missing: Sequence[ResolvedImage]) -> None:
    """Raises DiskFull before the first blob of what would not fit is fetched."""
    here = {layer.compressed_digest for layer in host.store.view().layers.values()} if missing else set()
    blobs = [blob for image in missing for blob in image.blobs if blob.digest not in here]
    refuse_unless_room(blobs, *host.store.room(), host.jobs)


def _fetch(
    host: Host, missing: Sequence[ResolvedImage], registry: RegistryOptions, *, on_done: Callable[[ResolvedImage], None]
) -> list[StoreError]:
    waiting, failures = list(missing), []
    running: dict[Future[object], ResolvedImage] = {}
    here = {layer.compressed_digest for layer in host.store.view().layers.values() if layer.compressed_digest}
    sizes = {blob.digest: blob.bytes for image in missing for blob in image.blobs if blob.digest not in here}
    with ThreadPoolExecutor(max_workers=max(1, host.jobs)) as pool:
        try:
            while waiting or running:
                for image in startable(waiting, list(running.values()), here, host.jobs):
                    waiting.remove(image)
                    host.journal.step(f"pulling {image.source}")
                    host.progress(f"pulling {image.source}")
                    running[pool.submit(host.store.pull, image, registry, host.progress)] = image
                done, _ = wait(running, return_when=FIRST_COMPLETED)
                for future in done:
                    image = running.pop(future)
                    error = future.exception()
                    if error is None:
                        here.update(blob.digest for blob in image.blobs)
                        host.measure(sum(size for digest, size in sizes.items() if digest in here), sum(sizes.values()))
                        on_done(image)
                    elif isinstance(error, StoreError):
                        failures.append(error)
                        waiting.clear()  # one that cannot be had is enough to fail: fetch nothing more in vain
                    else:
                        raise error
        finally:
            host.measure(0, 0)
            for future in running:
                future.cancel()
    return failures


def _read_back(host: Host, wanted: Mapping[Digest, ResolvedImage]) -> dict[Digest, StoredImage]:
    view = host.store.view()
    found: dict[Digest, StoredImage] = {}
    for digest, resolved in wanted.items():
        image = view.by_digest(digest)
        if image is None or not complete(image, view):
            raise ImageUnavailable(
                f"{resolved.source}: {digest} is not whole in the store after it was pulled",
                hint="see what is there with 'storectl images', and whether something else deletes images",
            )
        found[digest] = image
    return found


def _together(failures: Sequence[StoreError]) -> StoreError:
    messages = list(dict.fromkeys(error.message for error in failures))
    if len(messages) == 1:
        return failures[0]  # one image, or what every image would have met: a program that is missing, say
    return ImageUnavailable("; ".join(messages), hint=failures[0].hint)
