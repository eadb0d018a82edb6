"""Names in the store follow the default deployment.

containers-storage gives a name to one image only. What a quadlet calls `app:latest` must be found under that name by
podman, and it must be the image that the default deployment binds: so names are moved after a deployment or a rollback,
never by a pull.
"""

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from application.host import Host
from domain.events.image import ImageNamed
from domain.graph import OpenOperation
from domain.references import is_stand_in, parse_reference, stand_in
from domain.store_view import StoreView
from domain.values import ImageId

_Names = Mapping[ImageId, Sequence[str]]


def name_bound_images(host: Host, operation: OpenOperation) -> None:
    """Give every image that the default deployment binds the name it is bound under. Idempotent."""
    deployments = host.graph.in_order()
    if not deployments:
        return
    wanted = {
        name: binding.image
        for binding in deployments[0].bindings.values()
        if (name := parse_reference(binding.reference).name) is not None
    }
    give_names(host, operation, host.store.view(), wanted)


def give_name(host: Host, operation: OpenOperation, view: StoreView, image: ImageId, name: str) -> StoreView:
    """Give one image a name that it may already have; returns the store as it is afterwards."""
    return give_names(host, operation, view, {name: image})


def give_names(host: Host, operation: OpenOperation, view: StoreView, wanted: Mapping[str, ImageId]) -> StoreView:
    """Give images names that they may already have; returns the store as it is afterwards.

    Whoever loses all its names by that gets a stand-in first, and a stand-in that a named image had goes at last: every
    image has a name, and one that people know where it can, so that podman removes it by id or name without being
    forced. Each of the three is done for all images at once, one podman an image.
    """
    moving = {
        name: image for name, image in wanted.items() if image in view.images and name not in view.images[image].names
    }
    _at_once(host, _stand_ins(view, moving), host.store.tag, "stand-ins given")
    _at_once(host, _by_image(moving), host.store.tag, "named")
    view = host.store.view() if moving else view
    needless = _needless(view, wanted)
    _at_once(host, needless, lambda image, name: host.store.untag(image, [name]), "stand-ins taken away")
    view = host.store.view() if needless else view
    _record_names(host, operation, view)
    return view


def _at_once(host: Host, names: _Names, do: Callable[[ImageId, str], None], step: str) -> None:
    """One name of an image after another, several images at a time: the store's own lock puts them in a row where it
    has to.
    """
    if not names:
        return

    def do_all(image: ImageId) -> None:
        for name in names[image]:
            do(image, name)

    with ThreadPoolExecutor(max_workers=max(1, host.jobs)) as pool:
        done = [pool.submit(do_all, image) for image in names]
    for each in done:
        each.result()
    host.journal.step(step)


def _by_image(moving: Mapping[str, ImageId]) -> _Names:
    names: dict[ImageId, list[str]] = {}
    for name, image in moving.items():
        names.setdefault(image, []).append(name)
    return names


def _stand_ins(view: StoreView, moving: Mapping[str, ImageId]) -> _Names:
    """For each image that is left without a name."""
    found: dict[ImageId, list[str]] = {}
    for image in view.images.values():
        if image.names and image.digest is not None and moving.keys() >= set(image.names):
            found[image.id] = [stand_in(parse_reference(image.names[0]).repository, image.digest)]
    return found


def _needless(view: StoreView, wanted: Mapping[str, ImageId]) -> _Names:
    found = {}
    for image in {image for image in wanted.values() if image in view.images}:
        names = [name for name in view.images[image].names if is_stand_in(name) and name not in wanted]
        if names:
            found[image] = names
    return found


def _record_names(host: Host, operation: OpenOperation, view: StoreView) -> None:
    """Every name that is another than the graph's: what others changed was recorded before this operation began, so
    this is its doing, or that of the same operation before a crash.
    """
    graph = host.graph.images
    named = [
        ImageNamed(image, stored.names)
        for image, stored in view.images.items()
        if image in graph and graph[image].names != stored.names
    ]
    host.journal.record(*named, operation=operation.id)


def name_is_bound(host: Host, name: str, image: ImageId) -> bool:
    """Whether some deployment binds another image under this name: then it must not be moved."""
    return any(
        binding.image != image and parse_reference(binding.reference).name == name
        for deployment in host.graph.deployments.values()
        for binding in deployment.bindings.values()
    )
