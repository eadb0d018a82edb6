"""`storectl impact`."""

import click

from cli.options import global_options
from cli.session import Session, pass_session
from domain.impact import Impact, impact_of_deployment, impact_of_image, impact_of_layer
from domain.values import DeploymentId, ImageId, LayerId, short
from projections.targets import Target, find_target


@click.command("impact")
@click.argument("target")
@global_options
@pass_session
def command(session: Session, target: str) -> None:
    """What would break if TARGET went: deployments, images, and containers of this and of other stores.

    \b
    Example:
      storectl impact quay.io/o/app:1
    """
    session.notice()
    found = find_target(session.graph(), target)
    impact = _impact(session, found)
    if session.out.json:
        session.out.answer(
            {
                "target": found.id, "kind": found.kind, "deployments": list(impact.deployments),
                "images": list(impact.images),
                "containers": [{"store": d.store, "holder": d.holder, "name": d.name} for d in impact.dependents],
            }
        )  # fmt: skip
        return
    out = session.out
    out.line(f"{found.kind} {found.id}")
    for deployment in impact.deployments:
        out.line(f"  deployment {short(deployment)} could not run")
    for image in impact.images:
        out.line(f"  image {short(image)} would be gone or broken")
    for each in impact.dependents:
        kind, _, identity = each.holder.partition(":")
        out.line(f"  {kind} {each.name} ({short(identity)}) of {each.store or 'this store'} would break")
    if not (impact.deployments or impact.dependents):
        out.line("  nothing else needs it")


def _impact(session: Session, found: Target) -> Impact:
    graph = session.graph()
    if found.kind == "image":
        return impact_of_image(graph, ImageId(found.id))
    if found.kind == "layer":
        return impact_of_layer(graph, LayerId(found.id))
    return impact_of_deployment(DeploymentId(found.id))
