"""Which public key an event of a log was signed with, as the log's own events say."""

from adapters.event_log.reader import LogReader
from domain.ledger.entry import Entry


def event_public_key(reader: LogReader, entry: Entry) -> bytes | None:
    """32 bytes, or None where the log does not allow the entry's key at its place. Raises Tampered, UnknownFormat."""
    return reader.key_schedule().event_key(entry.index, entry.key_id)
