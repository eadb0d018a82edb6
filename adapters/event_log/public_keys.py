"""Which public key an event of a log was signed with, as the log's own events say."""

from adapters.event_log.reader import LogReader
from domain.events.store import StoreInitialised
from domain.ledger.entry import Entry
from domain.ledger.keys import KeySchedule

KEY_KINDS = (StoreInitialised.kind,)
"""The kinds of events that say something about keys."""


def event_public_key(reader: LogReader, entry: Entry) -> bytes | None:
    """32 bytes, or None where the log does not allow the entry's key at its place. Raises BadInput, Tampered."""
    schedule = KeySchedule()
    for said in reader.entries(1, entry.position, kinds=KEY_KINDS):
        schedule.learn(said.index, said.kind, said.payload)
    return schedule.event_key(entry.index, entry.key_id)
