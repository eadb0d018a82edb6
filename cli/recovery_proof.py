"""When the store was last backed up, and when it was last shown that it could be had again."""

from cli.session import Session
from domain.times import format_time


def recovery(session: Session) -> dict[str, object]:
    """`status`'s field: `backup` and `drill`, each null where there never was one."""
    return {"backup": _backup(session), "drill": _drill(session)}


def recovery_words(session: Session) -> list[str]:
    """The same for people."""
    backup, drill = _backup(session), _drill(session)
    lines = []
    if backup is not None:
        lines.append(f"backup   {backup['time']} in {backup['place']}, up to event {backup['size']}")
    if drill is not None:
        outcome = f"{drill['differences']} differences" if drill["differences"] else "everything came back"
        lines.append(f"drill    {drill['time']}: {outcome}")
    return lines


def _backup(session: Session) -> dict[str, object] | None:
    position = session.graph().last_backup
    if not position:
        return None
    from domain.events.codec import decode  # deferred: most stores' status decodes no event
    from domain.events.recovery import BackupWritten

    entry = session.reader().entry(position)
    event = decode(entry)
    assert isinstance(event, BackupWritten)
    return {
        "position": position, "time": format_time(entry.time_us), "place": event.place,
        "generation": event.generation, "size": event.size, "content": event.content, "lacking": event.lacking,
    }  # fmt: skip


def _drill(session: Session) -> dict[str, object] | None:
    position = session.graph().last_drill
    if not position:
        return None
    from domain.events.codec import decode
    from domain.events.recovery import DrillHeld

    entry = session.reader().entry(position)
    event = decode(entry)
    assert isinstance(event, DrillHeld)
    return {
        "position": position, "time": format_time(entry.time_us), "source": event.source, "size": event.position,
        "differences": event.count, "bytes": event.bytes, "seconds": event.duration_us / 1_000_000,
    }  # fmt: skip
