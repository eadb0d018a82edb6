"""Which deployment a rollback leads to, and whether it could run."""

from collections.abc import Set

from domain.errors import NotFound, Refused
from domain.graph import DeploymentNode, ReferenceGraph
from domain.values import DeploymentId, ImageId, short


def choose_target(graph: ReferenceGraph, asked: DeploymentId | None) -> DeploymentNode:
    """The deployment asked for, or the one after the default. Raises NotFound or Refused."""
    order = graph.in_order()
    if not order:
        raise NotFound("there is no deployment to roll back to", hint="'storectl deploy' makes one")
    if asked is None:
        if len(order) == 1:
            raise Refused(
                f"{order[0].id} is the only deployment: there is nothing to roll back to",
                hint="'storectl deployments' lists what there is",
            )
        return order[1]
    target = graph.deployments.get(asked)
    if target is None:
        raise NotFound(f"there is no deployment {asked}", hint="'storectl deployments' lists what there is")
    if target is order[0]:
        raise Refused(f"{asked} is the default deployment already", hint="'storectl deployments' shows the order")
    return target


def refuse_unless_whole(target: DeploymentNode, whole: Set[ImageId]) -> None:
    """Refused, with the list of what is missing, unless every image that the deployment binds is in the store whole."""
    missing = [
        f"{b.name} ({b.reference}, image {short(b.image)})" for b in target.bindings.values() if b.image not in whole
    ]
    missing += target.unresolved
    if missing:
        raise Refused(
            f"{target.id} could not run: missing from the store: {', '.join(missing)}",
            hint="'storectl pull' brings an image in; 'storectl history IMAGE' tells what became of it",
        )
