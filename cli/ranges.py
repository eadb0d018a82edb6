"""A range of events, as people name it: by positions or by times."""

from cli.session import Session
from domain.errors import Usage
from domain.ledger.entry import Head
from domain.times import parse_time


def parse_range(session: Session, head: Head, since: str | None, until: str | None) -> tuple[int, int]:
    """Indexes [start, stop) of the events from `since` up to `until`, both included. Raises Usage.

    A number is a position; anything else a time, or a duration: that long ago.
    """
    start = 0 if since is None else _index(session, head, since, after=False)
    stop = head.size if until is None else _index(session, head, until, after=True)
    if start > stop:
        raise Usage(f"the range ends before it begins: {since} is later than {until}")
    return start, stop


def _index(session: Session, head: Head, text: str, *, after: bool) -> int:
    """The index of the first event at or behind that point; `after`: of the first one that is later."""
    if text.isdecimal():
        if not 1 <= int(text) <= head.size:
            raise Usage(f"there is no event {text}: the log has {head.size}")
        return int(text) - (not after)
    wanted = parse_time(text, session.now_us()) + after
    low, high = 0, head.size  # times grow with positions
    while low < high:
        middle = (low + high) // 2
        if session.reader().entry(middle + 1).time_us < wanted:
            low = middle + 1
        else:
            high = middle
    return low
