"""`storectl history`."""

import time
from collections.abc import Iterator

import click

from adapters.event_log.reader import SHORT
from cli.bulk import load_decode
from cli.events import event_json, find_in_history
from cli.options import global_options
from cli.session import Session, pass_session
from domain.errors import Usage
from domain.events.base import Event
from domain.events.codec import decode
from domain.events.registry import BY_TYPE_NAME
from domain.ledger.entry import Entry
from domain.times import parse_time
from projections.history import Filter, line, select

_POLL_S = 0.25


@click.command("history")
@click.argument("target", required=False)
@click.option("--type", "types", multiple=True, help="Only this type of event (ImageBound, …); may be repeated.")
@click.option("--operation", metavar="ID", help="Only this operation's events; a prefix will do.")
@click.option("--actor", help="Only what this actor did.")
@click.option("--since", help="From this time on, or '2h', '7d' ago.")
@click.option("--until", help="Up to this time.")
@click.option("-n", "--limit", type=click.IntRange(min=1), help="Only the last so many.")
@click.option("--reverse", is_flag=True, help="Newest first.")
@click.option("--follow", is_flag=True, help="Go on with new events as they are appended.")
@global_options
@pass_session
def command(
    session: Session, target: str | None, types: tuple[str, ...], operation: str | None, actor: str | None,
    since: str | None, until: str | None, limit: int | None, reverse: bool, follow: bool,
) -> None:  # fmt: skip
    """What happened, newest last. TARGET is an image, a layer or a deployment. With --json: JSON Lines.

    \b
    Example:
      storectl history --type ImagePruned --since 7d
    """
    if follow and reverse:
        raise Usage("--follow and --reverse exclude each other")
    check_types(types)
    now = session.now_us()
    wanted = Filter(
        find_in_history(session, target) if target is not None else None, types, operation, actor,
        parse_time(since, now) if since is not None else None,
        parse_time(until, now) if until is not None else None,
    )  # fmt: skip
    shown = _newest(session, wanted, limit, reverse) if limit else _all(session, wanted, reverse)
    head = session.reader().size
    _show(session, shown)
    if follow:
        _follow(session, wanted, head)


def check_types(types: tuple[str, ...]) -> None:
    """Raises Usage for a name that is no type of event."""
    unknown = [name for name in types if name not in BY_TYPE_NAME]
    if unknown:
        raise Usage(f"no such type of event: {', '.join(unknown)}", hint=f"one of: {', '.join(sorted(BY_TYPE_NAME))}")


def _all(session: Session, wanted: Filter, reverse: bool) -> Iterator[tuple[Entry, Event]]:
    entries = session.reader().entries(kinds=wanted.kinds, reverse=reverse)
    return select(entries, wanted, load_decode() if session.reader().size > SHORT else decode)


def _newest(session: Session, wanted: Filter, limit: int, reverse: bool) -> list[tuple[Entry, Event]]:
    """The last `limit` that fit, read from the end: what they cost does not grow with the log."""
    found = []
    for pair in _all(session, wanted, reverse=True):
        found.append(pair)
        if len(found) == limit:
            break
    return found if reverse else found[::-1]


def _follow(session: Session, wanted: Filter, position: int) -> None:
    while True:
        head = session.reader().size
        if head > position:
            _show(session, select(session.reader().entries(position + 1, head, kinds=wanted.kinds), wanted))
            position = head
        time.sleep(_POLL_S)


def _show(session: Session, pairs: Iterator[tuple[Entry, Event]] | list[tuple[Entry, Event]]) -> None:
    if session.out.json and (len(pairs) if isinstance(pairs, list) else session.reader().size) > SHORT:
        from cli.event_lines import event_lines  # deferred: what encodes a long history faster takes longer to load

        session.out.json_lines(event_lines(pairs, session.reader().genesis().store))
        return
    for entry, event in pairs:
        if session.out.json:
            session.out.json_line(event_json(session, entry, event))
        else:
            position, when, actor, operation, what = line(entry, event)
            session.out.line(f"{position:>6}  {when}  {actor:<12}  {operation or '-':<8}  {what}")
    session.out.flush()
