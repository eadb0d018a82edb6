"""Whether a deployment may be removed."""

from collections.abc import Set

from domain.errors import NotFound, Refused
from domain.graph import ReferenceGraph
from domain.values import DeploymentId


def refuse_unless_removable(
    graph: ReferenceGraph, deployment: DeploymentId, booted: Set[DeploymentId], now_us: int
) -> None:
    """Raises NotFound for a deployment that is not there, Refused for one that is booted or pinned."""
    node = graph.deployments.get(deployment)
    if node is None:
        raise NotFound(f"there is no deployment {deployment}", hint="'storectl deployments' lists what there is")
    if deployment in booted:
        raise Refused(f"{deployment} is booted", hint="boot another deployment first")
    if node.pinned or (node.pin is not None and node.pin.in_force(now_us)):
        reason = f": {node.pin.name}" if node.pin is not None and node.pin.name else ""
        raise Refused(f"{deployment} is pinned{reason}", hint=f"'storectl unpin {deployment}' lets it go")
