"""Payloads: an event's fields as a canonical MessagePack map (keys sorted), self-describing for auditors.

The shape of a dataclass is read from its annotations, once; reading checks every name and type, so that a payload
which is not what its kind promises stops the reader instead of reaching a decision.
"""

import types
from collections.abc import Callable, Mapping
from dataclasses import fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack

from domain.errors import UnknownFormat
from domain.events.base import Event
from domain.events.registry import BY_KIND
from domain.ledger.entry import Draft, Entry

T = TypeVar("T")
Reader = Callable[[Any], Any]


def draft(event: Event) -> Draft:
    """The event ready to be appended."""
    payload: bytes = msgpack.packb(to_plain(event), use_bin_type=True)
    return Draft(event.stream, event.kind, event.schema, payload)


def decode(entry: Entry) -> Event:
    """The event that an entry holds. Raises UnknownFormat for a kind or schema of a newer version."""
    event = BY_KIND.get(entry.kind)
    if event is None or entry.schema != event.schema:
        raise UnknownFormat(
            f"event {entry.position}: kind {entry.kind!r} schema {entry.schema} is not known to this version",
            hint="a newer storectl wrote this log: use that version, or a later one",
        )
    try:
        return from_plain(event, msgpack.unpackb(entry.payload, raw=False))
    except (ValueError, TypeError, msgpack.UnpackException) as error:
        raise UnknownFormat(f"event {entry.position}: its data is not a {event.__name__}: {error}") from error


def to_plain(value: object) -> Any:
    """Dataclasses as dicts with sorted keys, tuples as lists; everything else as it is."""
    if is_dataclass(value) and not isinstance(value, type):
        return {name: to_plain(getattr(value, name)) for name in _names(type(value))}
    if isinstance(value, Mapping):
        return {key: to_plain(value[key]) for key in sorted(value)}
    if isinstance(value, tuple | list):
        return [to_plain(item) for item in value]
    return value


def from_plain(shape: type[T], value: object) -> T:
    """A dataclass out of plain values (an operation's intent, say). Raises ValueError."""
    read: Callable[[Any], T] = _reader(shape)
    return read(value)


@cache
def _names(shape: type) -> tuple[str, ...]:
    return tuple(sorted(field.name for field in fields(shape)))


def _reader(annotation: Any) -> Reader:
    reader: Reader = _compiled(annotation)
    return reader


@cache
def _compiled(annotation: Any) -> Reader:
    annotation = getattr(annotation, "__supertype__", annotation)  # a NewType is its base at run time
    origin = get_origin(annotation)
    if isinstance(annotation, type) and is_dataclass(annotation):
        return _dataclass_reader(annotation)
    if origin in (Union, types.UnionType):
        inner = [_reader(arg) for arg in get_args(annotation) if arg is not types.NoneType]
        return lambda value: None if value is None else inner[0](value)
    if origin is tuple:
        return _tuple_reader(_reader(get_args(annotation)[0]))
    if origin is Literal:
        return _literal_reader(get_args(annotation))
    if annotation in (str, int, bool, bytes):
        return _exactly(annotation)
    return _mapping  # an operation's intent: plain values under names


def _dataclass_reader(shape: type) -> Reader:
    hints = get_type_hints(shape)
    readers = {field.name: _reader(hints[field.name]) for field in fields(shape)}

    def read(value: Any) -> Any:
        if type(value) is not dict or value.keys() != readers.keys():
            raise ValueError(f"expected the fields {sorted(readers)}")
        return shape(**{name: reader(value[name]) for name, reader in readers.items()})

    return read


def _tuple_reader(item: Reader) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not list:
            raise ValueError(f"expected a list, found {type(value).__name__}")
        return tuple(map(item, value))

    return read


def _literal_reader(allowed: tuple[Any, ...]) -> Reader:
    def read(value: Any) -> Any:
        if value not in allowed:
            raise ValueError(f"expected one of {allowed}")
        return value

    return read


def _exactly(scalar: type) -> Reader:
    def read(value: Any) -> Any:
        if type(value) is not scalar:
            raise ValueError(f"expected {scalar.__name__}, found {type(value).__name__}")
        return value

    return read


def _mapping(value: Any) -> Any:
    if type(value) is not dict:
        raise ValueError(f"expected a map, found {type(value).__name__}")
    return value
