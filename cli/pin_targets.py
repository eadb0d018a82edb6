"""What `pin` and `unpin` take: an image, a layer, or a deployment by any of its names."""

from collections.abc import Mapping

from domain.errors import NotFound
from domain.graph import ReferenceGraph
from domain.ports import OsDeployment
from domain.values import DeploymentId
from projections.targets import MIN_PREFIX, Target, find_deployment, find_target


def find_pin_target(graph: ReferenceGraph, text: str, there: Mapping[DeploymentId, OsDeployment]) -> Target:
    """`0`, `booted` and `rollback` mean deployments; anything else what it names. Raises NotFound or Ambiguous."""
    if (text.isdecimal() and len(text) < MIN_PREFIX) or text in ("booted", "rollback", "staged"):
        return Target("deployment", find_deployment(graph, text, there).id)
    try:
        return find_target(graph, text)
    except NotFound:
        return Target("deployment", find_deployment(graph, text, there).id)
