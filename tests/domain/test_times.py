"""Times in and out."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.errors import StoreError, Usage
from domain.times import format_time, parse_duration, parse_time, parse_until

NOW = 1_800_000_000_000_000


@given(st.integers(min_value=0, max_value=253_402_300_799_999_999))
def test_format_and_parse_are_inverse(time_us: int) -> None:
    assert parse_time(format_time(time_us), NOW) == time_us


def test_the_public_form() -> None:
    assert format_time(0) == "1970-01-01T00:00:00.000000Z"
    assert parse_time("2026-11-23T10:00:00+01:00", NOW) == parse_time("2026-11-23T09:00:00Z", NOW)


def test_durations_are_ago_or_ahead() -> None:
    assert parse_time("2h", NOW) == NOW - 7_200_000_000
    assert parse_until("1d12h", NOW) == NOW + 36 * 3_600_000_000
    assert parse_duration("1w") == 7 * 86_400_000_000


@pytest.mark.parametrize("text", ["", "h", "1y", "-1h", "1.5h", "tomorrow", "99999999999w"])
def test_bad_durations(text: str) -> None:
    with pytest.raises(Usage):
        parse_duration(text)


@given(st.text())
def test_no_text_does_more_than_be_refused(text: str) -> None:
    for parse in (parse_duration, lambda t: parse_time(t, NOW)):
        try:
            parse(text)
        except StoreError:
            continue
