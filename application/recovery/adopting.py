"""Adopting a sysroot that somebody else filled: everything found is observed, nothing is deleted."""

from dataclasses import dataclass

from application.binding import supply
from application.host import Host
from application.inventory import observed
from domain.errors import StoreError
from domain.events.store import StoreAdopted
from domain.values import DeploymentId


@dataclass(frozen=True, slots=True)
class Lacking:
    """A bound image that is not in the store; `problem` is why it could not be fetched, where that was asked for."""

    deployment: DeploymentId
    reference: str
    problem: str


def take_over(host: Host) -> bool:
    """Manage what deployments bind, and say once that the store was adopted; whether anything was recorded.

    Images that nothing binds stay foreign: `gc --adopt-foreign` is the decision to manage them, too.
    """
    before = host.graph.position
    view = host.store.view()
    bound = {binding.image for node in host.graph.deployments.values() for binding in node.bindings.values()}
    for image in sorted(bound):
        node, stored = host.graph.images.get(image), view.images.get(image)
        if node is not None and not node.managed and stored is not None:
            host.journal.record(*observed(stored, view, host.store.links(view.chain(stored.layer)), managed=True))
    # Once more each time: files of a store that others fill may have come with any label.
    host.store.label()
    if not any(True for _ in host.journal.log.entries(kinds=[StoreAdopted.kind])):
        host.journal.record(StoreAdopted(len(host.graph.deployments), len(view.images)))
    return host.graph.position > before


def lacking(host: Host, *, fetch: bool) -> list[Lacking]:
    """What deployments bind and the store lacks; with `fetch` it is pulled and bound where that is possible."""
    found = []
    for node in list(host.graph.deployments.values()):
        for text in node.unresolved:
            name, _, reference = text.partition(": ")
            problem = "not in the store"
            if fetch:
                try:
                    supply(host, reference, node.id, name)
                    continue
                except StoreError as error:
                    problem = error.message
            found.append(Lacking(node.id, text, problem))
    return found
