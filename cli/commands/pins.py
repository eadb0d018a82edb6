"""`storectl pins`."""

from collections.abc import Iterator

import click

from cli.options import global_options
from cli.session import Session, pass_session
from domain.graph import Hold
from domain.times import format_time
from domain.values import short


@click.command("pins")
@global_options
@pass_session
def command(session: Session) -> None:
    """What is pinned, until when, why, and who pinned it.

    \b
    Example:
      storectl pins
    """
    now = session.now_us()
    rows = [
        {
            "kind": kind, "target": target, "until": format_time(hold.until_us) if hold.until_us is not None else None,
            "reason": hold.name, "event": hold.event, "actor": session.reader().entry(hold.event).actor,
        }
        for kind, target, hold in _pins(session)
        if hold.in_force(now)
    ]  # fmt: skip
    if session.out.json:
        session.out.answer(rows)
        return
    session.out.table(
        ("KIND", "TARGET", "UNTIL", "BY", "REASON"),
        [
            (str(r["kind"]), short(str(r["target"])), str(r["until"] or "for ever"), str(r["actor"]), str(r["reason"]))
            for r in rows
        ],
    )


def _pins(session: Session) -> Iterator[tuple[str, str, Hold]]:
    graph = session.graph()
    for deployment in graph.in_order():
        if deployment.pin is not None:
            yield "deployment", deployment.id, deployment.pin
    for image in graph.images.values():
        yield from (("image", image.id, hold) for key, hold in image.holds.items() if key.kind == "pin")
    for layer in graph.layers.values():
        yield from (("layer", layer.id, hold) for key, hold in layer.holds.items() if key.kind == "pin")
