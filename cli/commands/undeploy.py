"""`storectl undeploy`."""

import click

from application.undeploying import undeploy
from cli.options import global_options, wait_option
from cli.output import many
from cli.session import Session, pass_session
from projections.targets import find_deployment


@click.command("undeploy")
@click.argument("deployment")
@wait_option
@global_options
@pass_session
def command(session: Session, deployment: str, wait: float) -> None:
    """Remove DEPLOYMENT; what it alone bound is garbage from then on ('storectl gc' drops it).

    \b
    Example:
      storectl undeploy rollback
    """
    with session.changing(wait, frees=True) as host:
        node = find_deployment(host.graph, deployment, session.deployments_there())
        freed = sorted({binding.image for binding in node.bindings.values()})
        undeploy(host, node.id)
        held = host.graph.held_images(host.now_us())
        garbage = [image for image in freed if image not in held]
    if session.out.json:
        session.out.answer({"id": node.id, "removed": True, "garbage": garbage})
        return
    session.out.line(f"removed {node.id}")
    if garbage:
        session.out.note(f"garbage now: {many(len(garbage), 'image')}; 'storectl gc' drops it")
