"""`storectl diff`."""

from copy import deepcopy

import click

from application.graphs import graph_at
from cli.bulk import load_decode
from cli.options import global_options
from cli.positions import parse_position
from cli.session import Session, pass_session
from domain.values import short
from projections.differences import differences
from projections.reference_graph import fold


@click.command("diff")
@click.argument("start", metavar="P1")
@click.argument("end", metavar="[P2]", required=False)
@global_options
@pass_session
def command(session: Session, start: str, end: str | None) -> None:
    """What changed in the reference graph between two positions or times; P2 is the log's head by default.

    \b
    Example:
      storectl diff 7d
    """
    reader = session.reader()
    first = parse_position(session, start)
    last = parse_position(session, end) if end else reader.size
    low, high = sorted((first, last))
    before = graph_at(reader, low, load_decode())
    after = deepcopy(before)
    fold(after, reader.entries(low + 1, high))
    changes = differences(before, after)
    if session.out.json:
        session.out.answer({
            "from": low, "to": high,
            "changes": [{"what": c.what, "kind": c.kind, "id": c.id, "detail": c.detail} for c in changes],
        })  # fmt: skip
        return
    for change in changes:
        mark = {"added": "+", "removed": "-", "changed": "~"}[change.what]
        session.out.line(f"{mark} {change.kind:<10} {short(change.id)}  {change.detail}")
