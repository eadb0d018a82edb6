"""Removing a deployment: what it alone bound is garbage from then on."""

from dataclasses import dataclass

from application.host import Host
from application.naming import name_bound_images
from application.procedures import carry_out, intent_of
from domain.decisions.undeploying import refuse_unless_removable
from domain.events.deployment import DeploymentRemoved
from domain.graph import OpenOperation
from domain.values import DeploymentId


@dataclass(frozen=True, slots=True)
class UndeployIntent:
    deployment: DeploymentId
    reason: str


def undeploy(host: Host, deployment: DeploymentId, reason: str = "undeployed") -> None:
    """Remove one deployment. Raises NotFound, or Refused for one that is booted or pinned."""
    booted = {there.id for there in host.os.deployments() if there.booted}
    refuse_unless_removable(host.graph, deployment, booted, host.now_us())
    carry_out(host, UNDEPLOYING, host.journal.begin(UNDEPLOYING.command, UndeployIntent(deployment, reason)))


class _Undeploying:
    command = "undeploy"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(UndeployIntent, operation)
        host.os.undeploy(intent.deployment)
        host.journal.step("undeployed by ostree")
        if intent.deployment in host.graph.deployments:
            order = tuple(deployment.id for deployment in host.os.deployments())
            removed = DeploymentRemoved(intent.deployment, intent.reason, order)
            host.journal.record(removed, operation=operation.id)
        name_bound_images(host, operation)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(UndeployIntent, operation)
        there = [deployment.id for deployment in host.os.deployments()]
        if intent.deployment in there:
            return f"{intent.deployment} is still deployed"
        if intent.deployment in host.graph.deployments:
            host.journal.record(
                DeploymentRemoved(intent.deployment, intent.reason, tuple(there)), operation=operation.id
            )
        return f"{intent.deployment} is gone, which cannot be undone; deploy its commit again"


UNDEPLOYING = _Undeploying()
