"""`storectl metrics`."""

import click

from cli.options import global_options
from cli.session import Session, pass_session


@click.command("metrics")
@global_options
@pass_session
def command(session: Session) -> None:
    """OpenMetrics text, for node_exporter's textfile collector.

    \b
    Example:
      storectl metrics > /var/lib/node_exporter/storectl.prom
    """
    graph, now = session.graph(), session.now_us()
    held = graph.held_images(now)
    held_layers = graph.held_layers(now)
    figures = {
        "events": ("Events in the log.", session.reader().size),
        "deployments": ("Deployments.", len(graph.deployments)),
        "images": ("Images in the store.", sum(node.present for node in graph.images.values())),
        "images_missing": ("Images that something needs and the store lacks.",
                           sum(not node.present for node in graph.images.values())),
        "images_garbage": ("Images that nothing holds.", len(graph.images.keys() - held)),
        "layers": ("Layers in the store.", len(graph.layers)),
        "content_bytes": ("Uncompressed size of all layers.", sum(layer.bytes for layer in graph.layers.values())),
        "garbage_bytes": ("Uncompressed size of layers that nothing holds.",
                          sum(node.bytes for name, node in graph.layers.items() if name not in held_layers)),
        "consumers": ("Stores that use this one.", len(graph.consumers)),
        "open_operations": ("Operations that were begun and not ended.", len(graph.operations)),
        "last_backup_timestamp_seconds": ("When the last backup was recorded; 0: never.",
                                          _time_of(session, graph.last_backup)),
        "last_drill_timestamp_seconds": ("When a replay was last rehearsed; 0: never.",
                                         _time_of(session, graph.last_drill)),
        "last_event_timestamp_seconds": ("When the last event was recorded.", graph.time_us / 1_000_000),
    }  # fmt: skip
    if session.out.json:
        session.out.answer({name: value for name, (_, value) in figures.items()})
        return
    for name, (words, value) in figures.items():
        session.out.line(f"# HELP storectl_{name} {words}")
        session.out.line(f"# TYPE storectl_{name} gauge")
        session.out.line(f'storectl_{name}{{store="{graph.store}"}} {value}')
    session.out.line("# EOF")


def _time_of(session: Session, position: int) -> float:
    return session.reader().entry(position).time_us / 1_000_000 if position else 0
