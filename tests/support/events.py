"""Events for tests: a hypothesis strategy for every kind, and entries made of events without a log."""

import types
from collections.abc import Iterable, Iterator
from dataclasses import fields, is_dataclass
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from hypothesis import strategies as st

from domain.events.base import Event
from domain.events.codec import draft
from domain.ledger.entry import Entry

_TEXT = st.text(max_size=8)
_PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers(0, 2**63) | _TEXT | st.binary(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(_TEXT, inner, max_size=3),
    max_leaves=6,
)


def any_of(shape: Any) -> st.SearchStrategy[Any]:
    """Values of a field's type, or a whole event."""
    shape = getattr(shape, "__supertype__", shape)
    origin = get_origin(shape)
    if isinstance(shape, type) and is_dataclass(shape):
        hints = get_type_hints(shape)
        return st.builds(shape, **{field.name: any_of(hints[field.name]) for field in fields(shape)})
    if origin in (Union, types.UnionType):
        return st.none() | any_of(next(arg for arg in get_args(shape) if arg is not types.NoneType))
    if origin is tuple:
        return st.lists(any_of(get_args(shape)[0]), max_size=3).map(tuple)
    if origin is Literal:
        return st.sampled_from(get_args(shape))
    simple = {str: _TEXT, int: st.integers(-(2**63), 2**64 - 1), bool: st.booleans(), bytes: st.binary(max_size=32)}
    return simple.get(shape, st.dictionaries(_TEXT, _PLAIN, max_size=3))


def entries(events: Iterable[Event | tuple[Event, str]], start: int = 0, time_us: int = 1_000_000) -> Iterator[Entry]:
    """Events as entries from index `start` on, a second apart; an event may come with its operation's id."""
    for number, item in enumerate(events):
        event, operation = item if isinstance(item, tuple) else (item, "")
        made = draft(event)
        index = start + number
        yield Entry(
            index, bytes(32), made.stream, 0, made.kind, made.schema, time_us + index * 1_000_000, "test", operation,
            made.payload, bytes(4), bytes(64), index.to_bytes(32, "big"),
        )  # fmt: skip
