"""Which deployments are more than enough."""

from collections.abc import Set

from domain.errors import Usage
from domain.graph import ReferenceGraph
from domain.values import DeploymentId


def surplus_deployments(
    graph: ReferenceGraph, keep: int, busy: Set[DeploymentId], now_us: int
) -> tuple[DeploymentId, ...]:
    """The oldest, so that `keep` are left: never one that is booted or staged (`busy`), the default, the rollback, or
    pinned; so more may be left than asked for. Raises Usage for less than one.
    """
    if keep < 1:
        raise Usage("at least one deployment has to be kept")
    order = graph.in_order()
    needed = {node.id for node in order[:2]} | set(busy)
    needed |= {node.id for node in order if node.pinned or (node.pin is not None and node.pin.in_force(now_us))}
    free = sorted((node for node in order if node.id not in needed), key=lambda node: node.event)
    return tuple(node.id for node in free[: max(0, len(order) - keep)])
