"""Where else an image may be had: what the command line names, and the container stores that are known."""

from collections.abc import Callable, Sequence
from pathlib import Path

from adapters.containers.records import read_store
from application.host import Host
from cli.session import Session
from domain.errors import StoreError
from domain.references import ImageReference, ImageSource, TransportSource, parse_reference, parse_source
from domain.values import ImageId


def heal_places(session: Session, host: Host, named: Sequence[str]) -> Callable[[ImageId], list[ImageSource]]:
    """For an image: its likely places, the named ones first."""

    def places(image: ImageId) -> list[ImageSource]:
        node = host.graph.images.get(image)
        origin = node.source if node is not None else ""
        found = [source for place in named for source in _at(session, place, image, origin)]
        for path in host.graph.consumers:
            found += _in_store(session, Path(path), image)
        return found

    return places


def _at(session: Session, place: str, image: ImageId, origin: str) -> list[ImageSource]:
    """A directory is a container store, a backup or an OCI layout; anything else a registry's host, or a reference."""
    directory = Path(place)
    if (directory / "overlay-images").is_dir():
        return _in_store(session, directory, image)
    for layout in (directory / "images", directory):
        if (layout / "index.json").is_file():
            return [TransportSource("oci", f"{layout}:{image}")]
    if "/" not in place and origin:
        try:
            reference = parse_reference(origin)
        except StoreError:
            return []
        path = reference.repository.partition("/")[2]
        return [ImageReference(f"{place}/{path}", reference.tag, reference.digest)]
    return [parse_source(place)]


def _in_store(session: Session, store: Path, image: ImageId) -> list[ImageSource]:
    """The image in another local store, if all of it is there."""
    try:
        view = read_store(store)
    except StoreError:
        return []
    if image not in view.images:
        return []
    runroot = session.layout.runroot(session.graph().store) / "reading"  # type: ignore[arg-type]
    return [TransportSource("containers-storage", f"[overlay@{store}+{runroot}]@{image}")]
