"""What makes long reads fast, loaded only where a history is long: importing msgspec takes 10 ms."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from adapters.event_log.reader import ReadRow
    from application.graphs import Decode


def load_read_row() -> "ReadRow":
    """domain.ledger.bulk.read_row."""
    from domain.ledger.bulk import read_row

    return read_row


def load_decode() -> "Decode":
    """domain.events.bulk.decode."""
    from domain.events.bulk import decode

    return decode
