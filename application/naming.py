"""Names in the store follow the default deployment.

containers-storage gives a name to one image only. What a quadlet calls `app:latest` must be found under that name by
podman, and it must be the image that the default deployment binds: so names are moved after a deployment or a rollback,
never by a pull.
"""

from application.host import Host
from domain.events.image import ImageNamed
from domain.graph import OpenOperation
from domain.references import is_stand_in, parse_reference, stand_in
from domain.store_view import StoreView
from domain.values import ImageId


def name_bound_images(host: Host, operation: OpenOperation) -> None:
    """Give every image that the default deployment binds the name it is bound under. Idempotent."""
    deployments = host.graph.in_order()
    if not deployments:
        return
    view = host.store.view()
    for binding in deployments[0].bindings.values():
        name = parse_reference(binding.reference).name
        if name is not None:
            view = give_name(host, operation, view, binding.image, name)


def give_name(host: Host, operation: OpenOperation, view: StoreView, image: ImageId, name: str) -> StoreView:
    """Give one image a name that it may already have; returns the store as it is afterwards.

    Whoever had the name gets a stand-in, and a stand-in that the image had goes: every image has a name, and one that
    people know where it can, so that podman removes it by id or name without being forced.
    """
    stored = view.images.get(image)
    if stored is None:
        return view
    before = view.by_name(name)
    needless = [other for other in stored.names if other != name and is_stand_in(other)]
    if before is None or before.id != image:
        if before is not None and before.names == (name,) and before.digest is not None:
            host.store.tag(before.id, stand_in(parse_reference(name).repository, before.digest))
            host.journal.step(f"stand-in for {before.id}")
        host.store.tag(image, name)
        host.journal.step(f"named {name}")
    if needless:
        host.store.untag(image, needless)
        host.journal.step(f"stand-ins of {image} taken away")
    view = host.store.view() if needless or before is None or before.id != image else view
    _record_names(host, operation, view)
    return view


def _record_names(host: Host, operation: OpenOperation, view: StoreView) -> None:
    """Every name that is another than the graph's: what others changed was recorded before this operation began, so
    this is its doing, or that of the same operation before a crash.
    """
    for image, stored in view.images.items():
        node = host.graph.images.get(image)
        if node is not None and node.names != stored.names:
            host.journal.record(ImageNamed(image, stored.names), operation=operation.id)


def name_is_bound(host: Host, name: str, image: ImageId) -> bool:
    """Whether some deployment binds another image under this name: then it must not be moved."""
    return any(
        binding.image != image and parse_reference(binding.reference).name == name
        for deployment in host.graph.deployments.values()
        for binding in deployment.bindings.values()
    )
