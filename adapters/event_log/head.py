"""The head row: what the next append builds on."""

from collections.abc import Sequence
from typing import NamedTuple

from domain.errors import BadInput, Tampered
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.merkle import Frontier
from domain.ledger.record import FIRST_PREV

SELECT = "SELECT origin, size, prev, time_us, frontier, checkpoint FROM log_head"


class HeadRow(NamedTuple):
    """The log's end. `prev` is the last body's hash, `time_us` the last event's time, `checkpoint` the signed note."""

    origin: str
    size: int
    prev: bytes
    time_us: int
    frontier: Frontier
    checkpoint: str


def empty_head(origin: str) -> HeadRow:
    """The head of a log without events."""
    return HeadRow(origin, 0, FIRST_PREV, 0, Frontier(), "")


def checked_head(rows: Sequence[Sequence[object]], where: object) -> HeadRow:
    """The one row's values, types, sizes and agreement checked, its signature not. Raises Tampered."""
    try:
        if len(rows) != 1:
            raise BadInput("it is missing" if not rows else "there are several")
        origin, size, prev, time_us, nodes, note = rows[0]
        if type(origin) is not str or type(size) is not int or type(prev) is not bytes or len(prev) != len(FIRST_PREV):
            raise BadInput("its origin, size or prev is malformed")
        if type(time_us) is not int or type(nodes) is not bytes or type(note) is not str:
            raise BadInput("its time, frontier or checkpoint is malformed")
        frontier = Frontier.from_bytes(size, nodes)
        if size:  # a log that is being made has no checkpoint yet
            checkpoint = parse_checkpoint(parse_note(note).text)
            if (checkpoint.origin, checkpoint.size, checkpoint.root_hash) != (origin, size, frontier.root()):
                raise BadInput("its checkpoint is not of the tree that it describes")
    except (BadInput, ValueError) as error:
        raise Tampered(
            f"the head row of the event log {where}: {error}", hint="'storectl verify' tells what is wrong where"
        ) from error
    return HeadRow(origin, size, prev, time_us, frontier, note)
