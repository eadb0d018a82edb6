"""What every event is: a frozen dataclass with a stable kind, a schema version, and the stream that it belongs to."""

from typing import ClassVar, Protocol


class Event(Protocol):
    """`kind` and `schema` never change their meaning once released; a changed shape is a new schema with an upcaster.

    Fields hold str, int, bool, bytes, None, tuples of these, or nested frozen dataclasses of these: what the codec
    writes as MessagePack. Never a secret: events are read by auditors.
    """

    kind: ClassVar[str]
    schema: ClassVar[int]

    @property
    def stream(self) -> str: ...


def type_name(event: Event | type[Event]) -> str:
    """The stable name that people and scripts see: `ImageBound`."""
    return event.__name__ if isinstance(event, type) else type(event).__name__
