"""What another container store takes from the owned one, when it uses it as an additional image store.

containers-storage looks a layer up in its own store first, then in the additional ones: whatever of a consumer is not
found in the consumer, and is found in the owned store, is a reference. Deleting never looks across stores, so this is
the only thing that stands between garbage collection and somebody else's containers.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

from domain.store_view import StoreView
from domain.values import ImageId, LayerId


@dataclass(frozen=True, slots=True)
class ConsumerReference:
    """`holder` (`container:<id>`, `image:<id>`, `layer:<id>`) needs a layer, or an image, of the owned store."""

    holder: str
    name: str
    layer: LayerId | None
    image: ImageId | None


def references(
    consumer: StoreView, owned: StoreView, linked: Mapping[LayerId, tuple[LayerId, ...]] = MappingProxyType({})
) -> tuple[ConsumerReference, ...]:
    """Every reference from the consumer into the owned store, sorted; each (holder, layer, image) once.

    `linked`: the owned layers that the files of a consumer's layer lead to, whatever its record says.
    """
    return in_order([*_references(consumer, owned), *_by_links(consumer, owned, linked)])


def _by_links(
    consumer: StoreView, owned: StoreView, linked: Mapping[LayerId, tuple[LayerId, ...]]
) -> Iterator[ConsumerReference]:
    holders: dict[LayerId, list[tuple[str, str]]] = {}
    for container in consumer.containers:
        name = container.names[0] if container.names else container.id
        for layer in consumer.chain(container.layer):
            holders.setdefault(layer, []).append((f"container:{container.id}", name))
    for image in consumer.images.values():
        for layer in consumer.chain(image.layer):
            holders.setdefault(layer, []).append((f"image:{image.id}", image.names[0] if image.names else image.id))
    for layer, targets in linked.items():
        # The nearest is enough: what lies below it in the owned store goes with it or stays with it.
        for holder, name in holders.get(layer, [(f"layer:{layer}", layer)]):
            yield from _into(owned, holder, name, targets[0])


def in_order(found: Iterable[ConsumerReference]) -> tuple[ConsumerReference, ...]:
    """Each once, in an order that does not depend on how they were found."""
    return tuple(sorted(set(found), key=lambda each: (each.holder, each.layer or "", each.image or "")))


def own_references(owned: StoreView) -> tuple[ConsumerReference, ...]:
    """What the owned store's own containers need, in the same form."""
    found = set()
    for container in owned.containers:
        chain = owned.chain(container.layer)
        below = owned.layers[chain[-1]].parent if chain else None
        image = container.image if container.image in owned.images else None
        top = owned.images[image].layer if image else below
        name = container.names[0] if container.names else container.id
        found.add(ConsumerReference(f"container:{container.id}", name, top, image))
    return in_order(found)


def _references(consumer: StoreView, owned: StoreView) -> Iterator[ConsumerReference]:
    walked: set[LayerId] = set()
    for container in consumer.containers:
        holder, name = f"container:{container.id}", container.names[0] if container.names else container.id
        chain = consumer.chain(container.layer)
        walked.update(chain)
        yield from _into(owned, holder, name, _below(consumer, container.layer))
        if container.image is not None and container.image not in consumer.images and container.image in owned.images:
            yield ConsumerReference(holder, name, owned.images[container.image].layer, container.image)
    for image in consumer.images.values():
        holder, name = f"image:{image.id}", image.names[0] if image.names else image.id
        for top in (image.layer, *image.mapped_layers):
            walked.update(consumer.chain(top))
            # Its top layer itself may be in the owned store alone: an image without a layer of its own.
            yield from _into(owned, holder, name, top if top not in consumer.layers else _below(consumer, top))
    for layer in consumer.layers.values():
        # A pull under way, or one that was killed: no image yet, and the layers below are needed all the same.
        if layer.id not in walked:
            yield from _into(owned, f"layer:{layer.id}", layer.id, _below(consumer, layer.id))


def _below(consumer: StoreView, top: LayerId | None) -> LayerId | None:
    """The first layer of the chain below `top` that is not the consumer's own."""
    chain = consumer.chain(top)
    return consumer.layers[chain[0]].parent if chain else None


def _into(owned: StoreView, holder: str, name: str, layer: LayerId | None) -> Iterator[ConsumerReference]:
    if layer is not None and layer in owned.layers:
        yield ConsumerReference(holder, name, layer, None)
