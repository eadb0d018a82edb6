"""From what lies in the store to the events that record it."""

from collections.abc import Iterable, Mapping

from domain.events.base import Event
from domain.events.image import ImageObserved, ImagePulled, LayerReferenced
from domain.ports import ResolvedImage
from domain.store_view import StoredImage, StoredLayer, StoreView
from domain.values import LayerId


def pulled(resolved: ResolvedImage, image: StoredImage, view: StoreView, links: Mapping[LayerId, str]) -> list[Event]:
    """The image that an operation brought in, and each of its layers from the base up."""
    layers = view.chain(image.layer)
    return [
        ImagePulled(
            image.id, resolved.digest, resolved.list_digest, resolved.config_digest, image.names, str(resolved.source),
            layers, _bytes(view, layers),
        ),
        *_references(image, view, layers, links),
    ]  # fmt: skip


def observed(image: StoredImage, view: StoreView, links: Mapping[LayerId, str], *, managed: bool) -> list[Event]:
    """An image that somebody else brought in, and each of its layers."""
    layers = view.chain(image.layer)
    return [
        ImageObserved(image.id, image.digest, image.names, layers, _bytes(view, layers), managed),
        *_references(image, view, layers, links),
    ]


def complete(image: StoredImage, view: StoreView) -> bool:
    """Whether every layer of the image is in the store, whole."""
    layers = view.chain(image.layer)
    base_is_root = not layers or view.layers[layers[0]].parent is None
    return base_is_root and (image.layer is None or bool(layers)) and all(view.layers[x].complete for x in layers)


def _references(
    image: StoredImage, view: StoreView, layers: Iterable[LayerId], links: Mapping[LayerId, str]
) -> list[Event]:
    return [_reference(image, view.layers[layer], links.get(layer)) for layer in layers]


def _reference(image: StoredImage, layer: StoredLayer, link: str | None) -> LayerReferenced:
    return LayerReferenced(layer.id, image.id, layer.parent, layer.diff_id, layer.compressed_digest, layer.bytes, link)


def _bytes(view: StoreView, layers: Iterable[LayerId]) -> int:
    return sum(view.layers[layer].bytes for layer in layers)
