"""`storectl unbind`."""

import click

from application.binding import unbind
from cli.options import global_options, wait_option
from cli.session import Session, pass_session
from domain.errors import NotFound
from domain.references import parse_source
from projections.targets import find_deployment, find_image


@click.command("unbind")
@click.argument("image")
@click.option("--deployment", required=True, help="Which deployment holds it.")
@wait_option
@global_options
@pass_session
def command(session: Session, image: str, deployment: str, wait: float) -> None:
    """Take back a binding that 'storectl bind' made. IMAGE is the reference as bound, or an image id.

    \b
    Example:
      storectl unbind quay.io/o/debug:1 --deployment 0
    """
    with session.changing(wait, frees=True) as host:
        node = find_deployment(host.graph, deployment, session.deployments_there())
        names = {binding.name for binding in node.bindings.values()} | {b.reference for b in node.bindings.values()}
        word = image
        if image not in names:
            try:
                word = find_image(host.graph, image)
            except NotFound:
                word = str(parse_source(image))
        event = unbind(host, word, node.id)
    if session.out.json:
        session.out.answer({"image": event.name, "image_id": event.image, "deployment": node.id})
    else:
        session.out.line(f"{node.id} no longer binds {event.name}")
