"""Rolling back: the order of the deployments changes, nothing is deployed again, and all that is bound is there."""

from dataclasses import dataclass

from application.host import Host
from application.inventory import complete
from application.naming import name_bound_images
from application.procedures import carry_out, intent_of
from domain.decisions.rolling_back import choose_target, refuse_unless_whole
from domain.events.deployment import DeploymentRolledBack
from domain.graph import DeploymentNode, OpenOperation
from domain.values import DeploymentId


@dataclass(frozen=True, slots=True)
class RollbackIntent:
    deployment: DeploymentId
    previous: DeploymentId


def roll_back(host: Host, to: DeploymentId | None) -> DeploymentNode:
    """Make `to`, or the deployment before the default, the default. Raises Refused with what it would miss."""
    target = choose_target(host.graph, to)
    view = host.store.view()
    whole = {name for name, image in view.images.items() if complete(image, view)}
    refuse_unless_whole(target, whole)
    intent = RollbackIntent(target.id, host.graph.in_order()[0].id)
    carry_out(host, ROLLING_BACK, host.journal.begin(ROLLING_BACK.command, intent))
    return host.graph.deployments[target.id]


class _RollingBack:
    command = "rollback"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(RollbackIntent, operation)
        if host.os.deployments()[0].id != intent.deployment:
            host.os.set_default(intent.deployment)
            host.journal.step("reordered by ostree")
        order = tuple(deployment.id for deployment in host.os.deployments())
        if host.graph.order != order:
            host.journal.record(DeploymentRolledBack(intent.deployment, intent.previous, order), operation=operation.id)
        name_bound_images(host, operation)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(RollbackIntent, operation)
        if host.os.deployments()[0].id != intent.deployment:
            return f"{intent.previous} is still the default"
        host.os.set_default(intent.previous)
        order = tuple(deployment.id for deployment in host.os.deployments())
        if host.graph.order != order:
            undone = DeploymentRolledBack(intent.previous, intent.deployment, order)
            host.journal.record(undone, operation=operation.id)
        name_bound_images(host, operation)
        return f"{intent.previous} is the default again"


ROLLING_BACK = _RollingBack()
