"""fsck: the log's picture against what is really there. Looks, and records what it found; changes nothing else."""

from collections.abc import Iterator, Sequence

from application.host import Host
from application.recovery.recorded import Recorded, read_recorded
from domain.errors import StoreError
from domain.events.store import Drift, DriftFound, DriftRepaired
from domain.graph import DeploymentNode
from domain.quadlets import scan
from domain.store_view import StoreView
from domain.values import DeploymentId, ImageId, LayerId

_RECORDED = 100


def check(host: Host, *, deep: bool, deployment: DeploymentId | None = None, own: Sequence[Drift] = ()) -> list[Drift]:
    """Everything that differs; with `deep` every layer's content is read back as well, and every ostree object.

    `own` is what is wrong with storectl's own files.
    With a deployment: only what it needs, always deep: nothing found means that it could start now, without a network.
    """
    recorded, view = read_recorded(host.journal.log), host.store.view()
    if deployment is not None:
        found = list(_of_deployment(host, host.graph.deployments[deployment], view, recorded))
    else:
        found = [*_images(host, view, deep), *_layers(host, view, recorded), *_deployments(host), *own]
        if deep:
            found += [Drift("damaged", "ostree", words) for words in host.os.check()]
    if found:
        host.journal.record(DriftFound(tuple(found[:_RECORDED]), len(found), deep))
    return found


def record_repaired(host: Host, before: Sequence[Drift], after: Sequence[Drift]) -> list[Drift]:
    """What a repair mended: found before it and not after it."""
    left = {(each.kind, each.target, each.detail) for each in after}
    mended = [each for each in before if (each.kind, each.target, each.detail) not in left]
    if mended:
        host.journal.record(DriftRepaired(tuple(mended[:_RECORDED]), len(mended)))
    return mended


def _images(host: Host, view: StoreView, deep: bool) -> Iterator[Drift]:
    for node in host.graph.images.values():
        if not node.present or node.id not in view.images:
            yield Drift("missing", node.id, f"image {node.source or ', '.join(node.names)}")
    checked: set[LayerId] = set()
    for image in view.images.values():
        if image.id not in host.graph.images or not host.graph.images[image.id].managed:
            yield Drift("foreign", image.id, f"image {', '.join(image.names) or 'without a name'}")
        yield from _damage(host, view, image.id, deep=deep, checked=checked)


def _damage(host: Host, view: StoreView, image: ImageId, *, deep: bool, checked: set[LayerId]) -> Iterator[Drift]:
    """What is wrong with one image that is there: its records, its layers, and, if deep, their content."""
    stored = view.images[image]
    for problem in host.store.record_problems(stored):
        yield Drift("damaged", image, problem)
    chain = view.chain(stored.layer)
    known = host.graph.images.get(image)
    for layer in known.layers if known else ():
        if layer not in view.layers:
            yield Drift("missing", layer, f"layer of image {image[:12]}")
    for layer in chain:
        if layer in checked:
            continue
        checked.add(layer)
        if not view.layers[layer].complete:
            yield Drift("incomplete", layer, f"a pull of image {image[:12]} was cut off")
        elif not host.store.with_files([layer]):
            yield Drift("missing", layer, f"the files of a layer of image {image[:12]}")
        elif deep:
            yield from _content(host, view, layer)


def _content(host: Host, view: StoreView, layer: LayerId) -> Iterator[Drift]:
    host.progress(f"reading layer {layer[:12]}")
    try:
        digest = host.store.content_digest(layer)
    except StoreError as error:
        yield Drift("damaged", layer, error.message)
        return
    if digest != view.layers[layer].diff_id:
        yield Drift("damaged", layer, f"its content is {digest}, recorded was {view.layers[layer].diff_id}")


def _layers(host: Host, view: StoreView, recorded: Recorded) -> Iterator[Drift]:
    for layer, problem in host.store.link_problems(view, recorded.links):
        if view.layers[layer].complete:  # of what is half-written that is all there is to say
            yield Drift("damaged", layer, problem)
    used = view.used_layers()
    for stored in view.layers.values():
        if stored.id not in used:
            yield Drift("foreign" if stored.complete else "incomplete", stored.id, "a layer that belongs to no image")


def _deployments(host: Host) -> Iterator[Drift]:
    there = {deployment.id for deployment in host.os.deployments()}
    for name, node in host.graph.deployments.items():
        if name not in there:
            yield Drift("missing", name, "a deployment that ostree does not have")
        else:
            yield from _bindings(host, node)
    for name in there:
        if name not in host.graph.deployments:
            yield Drift("foreign", name, "a deployment that the log does not have")


def _bindings(host: Host, node: DeploymentNode) -> Iterator[Drift]:
    """What the deployed root binds against what was recorded for it."""
    found, problems = scan(host.os.deployed_tree(node.id))
    for problem in problems:
        yield Drift("unbound", node.id, problem)
    there = {item.file: item.text for item in found}
    for item in found:
        bound = node.bindings.get(item.file)
        if bound is None:
            yield Drift("unbound", node.id, f"{item.file} names {item.text}, which is not bound")
        elif bound.reference != item.text:
            yield Drift("unbound", node.id, f"{item.file} names {item.text}; sealed was {bound.reference}")
    for bound in node.bindings.values():
        if not bound.by_hand and bound.name not in there:
            yield Drift("unbound", node.id, f"{bound.name}, which was sealed, is not there any more")


def _of_deployment(host: Host, node: DeploymentNode, view: StoreView, recorded: Recorded) -> Iterator[Drift]:
    checked: set[LayerId] = set()
    yield from _bindings(host, node)
    for bound in node.bindings.values():
        if bound.image not in view.images:
            yield Drift("missing", bound.image, f"image {bound.reference} of {bound.name}")
        else:
            yield from _damage(host, view, bound.image, deep=True, checked=checked)
    for layer, problem in host.store.link_problems(view, recorded.links):
        if layer in checked:
            yield Drift("damaged", layer, problem)
    if node.id not in {deployment.id for deployment in host.os.deployments()}:
        yield Drift("missing", node.id, "a deployment that ostree does not have")
