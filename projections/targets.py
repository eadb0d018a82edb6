"""What a word on the command line means: an image, a layer or a deployment, by id, digest, name or prefix."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from domain.errors import Ambiguous, NotFound, StoreError
from domain.graph import DeploymentNode, ReferenceGraph
from domain.ports import OsDeployment
from domain.references import parse_reference
from domain.values import DeploymentId, ImageId, LayerId, short

MIN_PREFIX = 6
TargetKind = Literal["image", "layer", "deployment"]


@dataclass(frozen=True, slots=True)
class Target:
    kind: TargetKind
    id: str


def find_target(graph: ReferenceGraph, text: str) -> Target:
    """The one image, layer or deployment that the word names. Raises NotFound or Ambiguous (with the candidates)."""
    found = {Target("image", image) for image in _images(graph, text)}
    found |= {Target("layer", layer) for layer in _layers(graph, text)}
    found |= {Target("deployment", name) for name in _deployments(graph, text)}
    # A base layer's id may be another thing's prefix, too; what is named exactly wins.
    exact = {target for target in found if target.id == text}
    return only(exact or found, text, "image, layer or deployment")


def find_image(graph: ReferenceGraph, text: str) -> ImageId:
    """The one image that the word names. Raises NotFound or Ambiguous."""
    return ImageId(only({Target("image", image) for image in _images(graph, text)}, text, "image").id)


def find_deployment(graph: ReferenceGraph, text: str, there: Mapping[DeploymentId, OsDeployment]) -> DeploymentNode:
    """`booted`, `rollback`, `staged`, an index, an id, or a prefix of its commit. Raises NotFound or Ambiguous."""
    order = graph.in_order()
    if text in ("booted", "staged"):
        flagged = [node for node in order if node.id in there and getattr(there[node.id], text)]
        if not flagged:
            raise NotFound(f"no deployment is {text} in this sysroot", hint="'storectl deployments' lists them")
        return flagged[0]
    if text == "rollback" and len(order) > 1:
        return order[1]
    if text.isdecimal() and len(text) < MIN_PREFIX:
        if int(text) >= len(order):
            raise NotFound(f"there is no deployment {text}", hint="'storectl deployments' lists them, counted from 0")
        return order[int(text)]
    found = {Target("deployment", name) for name in _deployments(graph, text)}
    return graph.deployments[DeploymentId(only(found, text, "deployment").id)]


def _images(graph: ReferenceGraph, text: str) -> Iterable[ImageId]:
    prefix = prefix_of(text)
    name = _as_name(text)
    for image, node in graph.images.items():
        known = (image, *(digest.removeprefix("sha256:") for digest in (node.digest, node.list_digest) if digest))
        if (prefix and any(x.startswith(prefix) for x in known)) or text in node.names or (name and name in node.names):
            yield image


def _layers(graph: ReferenceGraph, text: str) -> Iterable[LayerId]:
    prefix = prefix_of(text)
    for layer, node in graph.layers.items():
        digests = (node.diff_id, node.compressed_digest)
        known = (layer, *(digest.removeprefix("sha256:") for digest in digests if digest))
        if prefix and any(x.startswith(prefix) for x in known):
            yield layer


def _deployments(graph: ReferenceGraph, text: str) -> Iterable[DeploymentId]:
    prefix = prefix_of(text)
    for name, node in graph.deployments.items():
        if (
            text == name
            or (prefix and node.commit.startswith(prefix))
            or (len(text) > MIN_PREFIX and name.startswith(text))
        ):
            yield name


def prefix_of(text: str) -> str:
    """The hex digits to compare with; empty where the word is none of that."""
    digits = text.removeprefix("sha256:")
    return digits if len(digits) >= MIN_PREFIX and all(c in "0123456789abcdef" for c in digits) else ""


def _as_name(text: str) -> str | None:
    try:
        reference = parse_reference(text)
    except StoreError:
        return None
    return reference.name or str(reference)


def only(found: set[Target], text: str, what: str) -> Target:
    if not found:
        raise NotFound(
            f"nothing here is called {text!r}: no {what}",
            hint=f"ids and digests may be cut to {MIN_PREFIX} digits or more; see 'storectl images' and 'layers', "
            "and 'storectl history' for what was there once",
        )
    if len(found) > 1:
        listed = ", ".join(sorted(f"{target.kind} {short(target.id, 16)}" for target in found))
        raise Ambiguous(f"{text!r} may be any of: {listed}", hint="give more digits")
    return found.pop()
