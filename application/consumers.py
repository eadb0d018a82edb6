"""Consumer stores: added by hand or found, looked at before anything is decided, their references recorded."""

from collections.abc import Iterator

from application.host import Host
from domain.consumers import ConsumerReference, own_references, references
from domain.errors import NotFound, Refused, StoreError
from domain.events.base import Event
from domain.events.consumer import (
    ConsumerAdded,
    ConsumerReferenceGone,
    ConsumerReferenceObserved,
    ConsumerRemoved,
)
from domain.store_view import StoreView
from domain.values import ImageId, LayerId

OWN = ""
"""The owned store's own containers stand in the graph as a consumer without a path."""

_Held = tuple[str, LayerId | None, ImageId | None]


def add_consumer(host: Host, path: str, runroot: str | None, found: str = "by hand") -> None:
    """Know a store from now on. Raises what looking at it raises: Refused for the owned store itself, say."""
    host.consumers.view(path)
    if path not in host.graph.consumers:
        host.journal.record(ConsumerAdded(path, runroot, found))
    host.journal.record(*_look(host, path, host.store.view()))


def remove_consumer(host: Host, path: str) -> None:
    """Forget a store, and with it all that it holds. Raises NotFound."""
    if path not in host.graph.consumers:
        raise NotFound(f"{path} is no consumer of this store", hint="'storectl consumer list' lists them")
    host.journal.record(ConsumerRemoved(path, "by hand"))


def observe_consumers(host: Host, *, strict: bool) -> list[str]:
    """Record what the consumers hold now; which could not be looked at, in words.

    With `strict`, raises Refused instead: what cannot be read might be using anything (law 1).
    """
    view = host.store.view()
    for found in host.consumers.discover():
        if found.path not in host.graph.consumers:
            host.journal.record(ConsumerAdded(found.path, found.runroot, found.how))
    host.journal.record(*_differences(host, OWN, own_references(view)))
    unread = []
    for path in list(host.graph.consumers):
        try:
            host.journal.record(*_look(host, path, view))
        except StoreError as error:
            unread.append(f"the consumer store {path} cannot be read: {error.message}")
    if unread and strict:
        raise Refused(
            "; ".join(unread) + "; nothing that it might use is dropped",
            hint="mend that store, or, if it is gone for good, 'storectl consumer remove' it",
        )
    return unread


def _look(host: Host, path: str, owned: StoreView) -> Iterator[Event]:
    return _differences(host, path, references(host.consumers.view(path), owned, host.consumers.linked(path)))


def _differences(host: Host, path: str, now: tuple[ConsumerReference, ...]) -> Iterator[Event]:
    """What came and what went, between what the graph knows of a consumer and what it holds now."""
    known = host.graph.consumer_holds(path)
    wanted: dict[_Held, str] = {}
    for each in now:
        if each.layer is not None and each.layer in host.graph.layers:
            wanted[each.holder, each.layer, None] = each.name
        if each.image is not None and each.image in host.graph.images:
            wanted[each.holder, None, each.image] = each.name
    for (holder, layer, image), name in wanted.items():
        if (holder, layer, image) not in known:
            yield ConsumerReferenceObserved(path, holder, name, layer, image)
    for holder, layer, image in sorted(known - set(wanted), key=str):
        yield ConsumerReferenceGone(path, holder, layer, image)
