"""Times and durations as people and JSON write them; inside, everything is microseconds since the epoch, UTC."""

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache

from domain.errors import Usage

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DURATION = re.compile(r"(?:(\d+)w)?(?:(\d+)d)?(?:(\d+)h)?(?:(\d+)m)?(?:(\d+)s)?")
_UNITS = (7 * 86400, 86400, 3600, 60, 1)  # seconds in w, d, h, m, s
_MICROSECOND = timedelta(microseconds=1)
_MAX_SECONDS = 1000 * 366 * 86400


def format_time(time_us: int) -> str:
    """RFC 3339 in UTC with microseconds: `2026-11-23T10:00:00.000000Z`."""
    second, us = divmod(time_us, 1_000_000)
    return f"{_second(second)}.{us:06d}Z"


@lru_cache(maxsize=1024)
def _second(second: int) -> str:
    """Up to the second: what many events of one operation have in common."""
    return (_EPOCH + timedelta(seconds=second)).strftime("%Y-%m-%dT%H:%M:%S")


def parse_duration(text: str) -> int:
    """`90s`, `2h`, `7d`, `1d12h` as microseconds. Raises Usage."""
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        raise Usage(f"not a duration: {text!r}", hint="write 30m, 24h, 7d or 1d12h (w, d, h, m, s)")
    seconds = sum(int(count) * unit for count, unit in zip(match.groups(), _UNITS, strict=True) if count)
    if seconds > _MAX_SECONDS:
        raise Usage(f"the duration {text!r} is longer than a thousand years")
    return seconds * 1_000_000


def parse_time(text: str, now_us: int) -> int:
    """An RFC 3339 time or date (UTC where no zone is given), or a duration: that long ago. Raises Usage."""
    if _DURATION.fullmatch(text) and text:
        return now_us - parse_duration(text)
    try:
        moment = datetime.fromisoformat(text)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return (moment - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        hint = "write 2026-11-23T10:00:00Z, 2026-11-23, or 2h and 7d for that long ago"
        raise Usage(f"not a time: {text!r}", hint=hint) from None


def parse_until(text: str, now_us: int) -> int:
    """An RFC 3339 time, or a duration meaning that long from now. Raises Usage."""
    if _DURATION.fullmatch(text) and text:
        return now_us + parse_duration(text)
    return parse_time(text, now_us)
