"""What may be bound and unbound by hand."""

from domain.errors import NotFound, Refused
from domain.graph import Binding, DeploymentNode, ReferenceGraph
from domain.values import DeploymentId


def refuse_name_in_use(graph: ReferenceGraph, deployment: DeploymentId, name: str) -> None:
    """Raises NotFound, or Refused where the deployment has a binding of that name from its root file system."""
    binding = _deployment(graph, deployment).bindings.get(name)
    if binding is not None and not binding.by_hand:
        raise Refused(f"{deployment} binds {name} itself", hint="'storectl deployments' shows what it binds")


def find_binding(graph: ReferenceGraph, deployment: DeploymentId, image: str) -> Binding:
    """The binding by hand that `image` (an image id or the reference as bound) names. Raises NotFound or Refused."""
    node = _deployment(graph, deployment)
    found = [b for b in node.bindings.values() if image in (b.image, b.reference, b.name)]
    by_hand = [binding for binding in found if binding.by_hand]
    if by_hand:
        return by_hand[0]
    if found:
        raise Refused(
            f"{deployment} binds {found[0].reference} in its root file system ({found[0].name}): it would break",
            hint="only what 'storectl bind' bound can be unbound",
        )
    raise NotFound(f"{deployment} does not bind {image}", hint="'storectl deployments' shows what it binds")


def _deployment(graph: ReferenceGraph, deployment: DeploymentId) -> DeploymentNode:
    node = graph.deployments.get(deployment)
    if node is None:
        raise NotFound(f"there is no deployment {deployment}", hint="'storectl deployments' lists what there is")
    return node
