"""How far the log is anchored where this host cannot take it back."""

from cli.output import many
from cli.session import Session
from domain.times import format_time
from projections.tables import Row


def anchoring(session: Session) -> Row:
    """`size` events are anchored (0: none) at `destination`; `events` are not, the oldest of them since `since`."""
    from domain.events.checkpoint import ELSEWHERE, CheckpointPublished  # deferred: see cli.session

    reader = session.reader()
    entry = reader.last_of(ELSEWHERE)
    if entry is not None:
        from domain.events.codec import decode

        event: object = decode(entry)
    else:
        event = None
    size, destination = (event.size, event.destination) if isinstance(event, CheckpointPublished) else (0, None)
    left = reader.size - size
    since = reader.entry(size + 1).time_us if left else None
    return {
        "size": size, "destination": destination, "events": left,
        "since": format_time(since) if since is not None else None,
    }  # fmt: skip


def anchoring_words(row: Row) -> str:
    """The same in a line."""
    if not row["size"]:
        return "anchored nowhere off this host ('storectl checkpoint --publish')"
    behind = f", {many(row['events'], 'event')} since {row['since']} not yet" if row["events"] else ""
    return f"anchored {many(row['size'], 'event')} at {row['destination']}{behind}"
