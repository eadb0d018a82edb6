"""Payloads: an event's fields as a canonical MessagePack map (keys sorted), self-describing for auditors.

The shape of a dataclass is read from its annotations, once; reading checks every name and type, so that a payload
which is not what its kind promises stops the reader instead of reaching a decision.
"""

import types
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache
from operator import itemgetter
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

import msgpack

from domain.errors import UnknownFormat
from domain.events.base import Event
from domain.events.registry import BY_KIND
from domain.ledger.entry import Draft, Entry

T = TypeVar("T")
Reader = Callable[[Any], Any]
_SCALARS = (str, int, bool, bytes)


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
        return {name: to_plain(getattr(value, name)) for name in field_names(type(value))}
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
def field_names(shape: type) -> tuple[str, ...]:
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
        return _tuple_reader(get_args(annotation)[0])
    if origin is Literal:
        return _literal_reader(get_args(annotation))
    if annotation in _SCALARS:
        return _exactly(annotation)
    return _mapping  # an operation's intent: plain values under names


def _dataclass_reader(shape: type) -> Reader:
    hints = get_type_hints(shape)
    names = field_names(shape)
    readers = [_reader(hints[name]) for name in names]
    # What the type alone does not settle: these are read one by one, each time.
    inner = [(at, reader) for at, (name, reader) in enumerate(zip(names, readers, strict=True)) if _nested(hints[name])]
    declared = [names.index(field.name) for field in fields(shape)]
    in_order: Callable[[Sequence[Any]], Sequence[Any]] = (
        itemgetter(*declared) if len(declared) > 1 else lambda values: values
    )
    seen: set[tuple[type, ...]] = set()  # the fields' types, by name, that every reader has let through before

    def read(value: Any) -> Any:
        if type(value) is not dict:
            raise ValueError(f"expected the fields {list(names)}")
        if tuple(value) != names:  # as written they are sorted
            if value.keys() != set(names):
                raise ValueError(f"expected the fields {list(names)}")
            value = {name: value[name] for name in names}
        values = list(value.values())
        kinds = tuple(map(type, values))
        if kinds in seen:
            for at, reader in inner:
                values[at] = reader(values[at])
        else:
            values = [reader(item) for reader, item in zip(readers, values, strict=True)]
            seen.add(kinds)
        return shape(*in_order(values))

    return read


def _nested(annotation: Any) -> bool:
    """Whether a value of the right type can still be wrong inside, or has to be turned into something else."""
    annotation = getattr(annotation, "__supertype__", annotation)
    if get_origin(annotation) in (Union, types.UnionType):
        return any(_nested(arg) for arg in get_args(annotation) if arg is not types.NoneType)
    return annotation not in _SCALARS


def _tuple_reader(item: Any) -> Reader:
    base, reader = getattr(item, "__supertype__", item), _reader(item)

    def read(value: Any) -> Any:
        if type(value) is not list:
            raise ValueError(f"expected a list, found {type(value).__name__}")
        if base in _SCALARS and {base}.issuperset(map(type, value)):
            return tuple(value)
        return tuple(map(reader, value))

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
