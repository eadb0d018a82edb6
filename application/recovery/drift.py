"""What the next changing command would record as observed."""

from collections.abc import Sequence

from domain.graph import ReferenceGraph
from domain.store_view import StoreView
from domain.values import DeploymentId, short


def differences(graph: ReferenceGraph, view: StoreView, there: Sequence[DeploymentId]) -> list[str]:
    """One sentence for each image or deployment that the log and the machine disagree on."""
    images = graph.images
    found = [
        f"image {short(name)} is gone" for name, node in images.items() if node.present and name not in view.images
    ]
    found += [f"image {short(name)} is missing" for name, node in images.items() if not node.present]
    found += [
        f"image {short(name)} is foreign" for name in view.images if name not in images or not images[name].managed
    ]
    found += [f"deployment {short(name)} is gone" for name in graph.deployments if name not in there]
    found += [f"deployment {short(name)} came from somebody else" for name in there if name not in graph.deployments]
    if set(there) == set(graph.deployments) and tuple(there) != tuple(node.id for node in graph.in_order()):
        found.append("somebody else changed the order of the deployments")
    return found
