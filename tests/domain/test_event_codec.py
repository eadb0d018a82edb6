"""Payloads: both ways for every kind; what is not whole or not known stops the reader; old bytes are read for ever."""

import contextlib
import json
from pathlib import Path
from typing import Any

import msgpack
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from domain.errors import UnknownFormat
from domain.events.base import Event, type_name
from domain.events.codec import decode, draft, from_plain, to_plain
from domain.events.registry import BY_KIND, BY_TYPE_NAME
from tests.support.events import any_of, entries

GOLDEN = Path(__file__).parents[1] / "vectors/events/golden.json"
EVENTS = sorted(BY_KIND.values(), key=lambda event: event.kind)


@pytest.mark.parametrize("event", EVENTS, ids=lambda event: event.kind)
@settings(max_examples=20, deadline=None)
@given(data=st.data())
def test_every_kind_comes_back_as_it_was(event: type[Event], data: st.DataObject) -> None:
    made = data.draw(any_of(event))
    (entry,) = entries([made])
    again = decode(entry)
    assert again == made
    assert draft(again) == draft(made)
    assert msgpack.packb(msgpack.unpackb(entry.payload)) == entry.payload, "canonical: packing again changes nothing"


def test_kinds_and_names_are_unique_and_streams_are_named() -> None:
    assert len(BY_KIND) == len(BY_TYPE_NAME) == len(EVENTS)
    assert {"ImageBound", "LayerReferenced", "DeploymentRolledBack", "ImagePruned"} <= set(BY_TYPE_NAME)


def test_every_kind_and_version_ever_written_is_still_read() -> None:
    """tests/vectors/generate_event_vectors.py adds to the file, and never changes what stands there."""
    golden: dict[str, Any] = json.loads(GOLDEN.read_text())
    assert {f"{event.kind}/{event.schema}" for event in EVENTS} <= set(golden), "run the generator for the new kinds"
    for name, vector in golden.items():
        kind, _, schema = name.rpartition("/")
        (any_entry,) = entries([next(iter(_examples()))])
        payload = bytes.fromhex(vector["payload"])
        event = decode(any_entry._replace(kind=kind, schema=int(schema), payload=payload))
        assert type_name(event) == vector["type"]
        assert draft(event).payload == payload
        assert draft(event).stream == vector["stream"]


@pytest.mark.parametrize(
    "change",
    [
        {"kind": "image.exploded"},
        {"schema": 99},
        {"payload": b""},
        {"payload": b"\xc1"},
        {"payload": msgpack.packb([1])},
        {"payload": msgpack.packb({"operation": "x", "extra": 1})},
        {"payload": msgpack.packb({"operation": 7})},
    ],
)
def test_what_is_not_known_or_not_whole_stops_the_reader(change: dict[str, Any]) -> None:
    (entry,) = entries([BY_TYPE_NAME["OperationCompleted"]("abc")])  # type: ignore[call-arg]
    with pytest.raises(UnknownFormat, match="event 1"):
        decode(entry._replace(**change))


@given(st.binary(max_size=200), st.sampled_from(sorted(BY_KIND)))
def test_no_payload_does_more_than_be_refused(payload: bytes, kind: str) -> None:
    (entry,) = entries([next(iter(_examples()))])
    with contextlib.suppress(UnknownFormat):
        decode(entry._replace(kind=kind, schema=1, payload=payload))


def test_plain_values_and_back() -> None:
    sealed = BY_TYPE_NAME["DeploymentSealed"]
    made = from_plain(sealed, {
        "operation": "o", "stateroot": "os", "commit": "c",
        "images": [{"name": "a.image", "reference": "r", "digest": "d", "image": "i"}],
    })  # fmt: skip
    assert from_plain(sealed, to_plain(made)) == made


def _examples() -> list[Event]:
    return [BY_TYPE_NAME["OperationCompleted"]("abc")]  # type: ignore[call-arg]
