"""Healing: what vanished or is damaged is had again by digest, and what sat on it finds it under its old names.

A place is asked only for what its digest says, so a wrong answer cannot be taken. Damaged files are put aside, never
deleted, and only once what replaces them is there.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from application.host import Host
from application.inventory import complete, observed
from application.naming import give_name
from application.procedures import carry_out
from application.recovery.recorded import Recorded, RecordedImage, read_recorded
from domain.errors import Drift as Missing
from domain.errors import NotFound, StoreError
from domain.events.codec import decode, from_plain
from domain.events.image import ImageHealed
from domain.graph import OpenOperation
from domain.ports import RegistryOptions, ResolvedImage
from domain.references import ImageReference, ImageSource, is_stand_in, parse_source
from domain.values import Digest, ImageId, LayerId

OtherPlaces = Callable[[ImageId], Sequence[ImageSource]]
"""Where else an image may be: what `--from` named, other local container stores."""


@dataclass(frozen=True, slots=True)
class HealIntent:
    """`sources` are asked in their order, each for exactly this digest."""

    image: ImageId
    digest: Digest
    sources: tuple[str, ...]
    registry: RegistryOptions


@dataclass(frozen=True, slots=True)
class Healed:
    """What became of one image: had again from `source`, or not, with every place that was asked and its answer."""

    image: ImageId
    source: str | None
    asked: tuple[str, ...] = ()


def heal(host: Host, target: str | None, places: OtherPlaces, *, deep: bool) -> list[Healed]:
    """Bring back one image, or those that one layer belongs to, or everything that is needed and missing or damaged;
    and every recorded link name.

    Raises NotFound for what is neither an image nor a layer that the log ever knew.
    """
    recorded = read_recorded(host.journal.log)
    wanted = _named(host, recorded, target) if target is not None else list(_sick(host, deep))
    host.store.create()
    if not all(layer.complete for layer in host.store.view().layers.values()):
        host.store.sweep()
    results = [_heal_one(host, recorded.images[each], places(each)) for each in wanted]
    _restore_links(host, recorded)
    return results


def _named(host: Host, recorded: Recorded, target: str) -> list[ImageId]:
    """The image of this id; or, of a layer, the images that are needed and have it, else the last that had it."""
    if target in recorded.images:
        return [ImageId(target)]
    having = [image.id for image in recorded.images.values() if target in image.layers]
    if not having:
        raise NotFound(
            f"the log knows no image or layer {target}", hint="'storectl images --all' lists what it knew of images"
        )
    return [image for image in having if image in host.graph.images] or having[-1:]


def _sick(host: Host, deep: bool) -> Iterator[ImageId]:
    view = host.store.view()
    for node in host.graph.images.values():
        stored = view.images.get(node.id)
        broken = stored is None or not complete(stored, view) or host.store.record_problems(stored)
        if broken or _damaged_layers(host, node.id, node.layers, deep=deep):
            yield node.id


def _damaged_layers(host: Host, image: ImageId, layers: Sequence[LayerId], *, deep: bool) -> list[LayerId]:
    """The layers whose content is not what it was; without `deep` only whether they have any is looked at."""
    view = host.store.view()
    if image not in view.images:
        return []
    there = host.store.with_files(view.layers)
    return [
        layer
        for layer in layers
        if layer in view.layers and (layer not in there or (deep and not _intact(host, layer)))
    ]


def _intact(host: Host, layer: LayerId) -> bool:
    try:
        return host.store.content_digest(layer) == host.store.view().layers[layer].diff_id
    except StoreError:
        return False


def _heal_one(host: Host, image: RecordedImage, elsewhere: Sequence[ImageSource]) -> Healed:
    if image.digest is None:
        return Healed(image.id, None, ("its manifest digest was never recorded",))
    sources = [*elsewhere, *([parse_source(image.source)] if image.source else []), *_named_sources(image)]
    intent = HealIntent(image.id, image.digest, tuple(dict.fromkeys(map(str, sources))), host.registry)
    operation = host.journal.begin(HEALING.command, intent)
    try:
        carry_out(host, HEALING, operation)
    except Missing as error:
        return Healed(image.id, None, tuple(error.message.split("; ")))
    event = decode(next(host.journal.log.entries(operation.event, kinds=[ImageHealed.kind], reverse=True)))
    assert isinstance(event, ImageHealed)
    return Healed(image.id, event.source)


def _named_sources(image: RecordedImage) -> Iterator[ImageSource]:
    """An image that was only ever observed may still be had where its name says."""
    for name in image.names:
        if not image.source and not is_stand_in(name):
            yield parse_source(name)


def _restore_links(host: Host, recorded: Recorded) -> None:
    view = host.store.view()
    host.store.restore_links({layer: recorded.links.get(layer, set()) for layer in view.layers})


class _Healing:
    command = "heal"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = from_plain(HealIntent, operation.intent)
        refusals: list[str] = []
        for source in intent.sources:
            try:
                self._from(host, operation, intent, source)
            except StoreError as error:
                refusals.append(error.message)
                continue
            host.journal.complete(operation)
            return
        asked = "; ".join(refusals) or "no place is known where it came from"
        raise Missing(f"image {intent.image[:12]} could not be had again: {asked}", hint="name a place with --from")

    def undo(self, host: Host, operation: OpenOperation) -> str:  # noqa: ARG002 (a Procedure's signature)
        return "what was put in place stays: it is what its digest says"

    def _from(self, host: Host, operation: OpenOperation, intent: HealIntent, source: str) -> None:
        registry = host.registry.over(intent.registry)
        resolved = _by_digest(host, parse_source(source), intent.digest, registry)
        recorded = read_recorded(host.journal.log)
        layers = recorded.images[intent.image].layers
        damaged = _damaged_layers(host, intent.image, layers, deep=True)
        stored = host.store.view().images.get(intent.image)
        if damaged or (stored is not None and host.store.record_problems(stored)):
            kept = host.store.replace_damaged(resolved, damaged, registry, host.progress)
            host.progress(f"what was damaged is kept in {kept}")
        else:
            host.store.pull(resolved, registry, host.progress)
        host.journal.step("had again")
        host.store.sync()
        _restore_links(host, recorded)
        _record(host, operation, intent, source)
        _rename(host, operation, intent.image, recorded.images[intent.image].names)


def _by_digest(host: Host, source: ImageSource, digest: Digest, registry: RegistryOptions) -> ResolvedImage:
    """The image at this very digest. Raises ImageUnavailable for a place that has another one."""
    asked = source.at(digest) if isinstance(source, ImageReference) else source
    resolved = host.source.resolve(asked, registry)
    if resolved.digest != digest:
        raise NotFound(f"{source} has {resolved.digest} instead of {digest}", hint="name another place with --from")
    return resolved


def _record(host: Host, operation: OpenOperation, intent: HealIntent, source: str) -> None:
    view = host.store.view()
    stored = view.images[intent.image]
    layers = view.chain(stored.layer)
    node = host.graph.images.get(intent.image)
    # The layers have new link names, and stand in the log with them as well.
    events = observed(stored, view, host.store.links(layers), managed=node is None or node.managed)
    host.journal.record(*events, ImageHealed(intent.image, intent.digest, source, layers), operation=operation.id)


def _rename(host: Host, operation: OpenOperation, image: ImageId, names: Sequence[str]) -> None:
    view = host.store.view()
    for name in names:
        if not is_stand_in(name) and view.by_name(name) is None:
            view = give_name(host, operation, view, image, name)


HEALING = _Healing()
