"""No parser crashes, hangs or eats memory, whatever it is given: random bytes, and good input damaged."""

import json
import resource
from collections.abc import Iterator
from itertools import islice
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.fuzz.targets import TARGETS, run

MOST_MEMORY = 64 << 20  # bytes, for inputs of some kilobytes
SLOW = {name for name in TARGETS if name.startswith("bundle")}


@st.composite
def inputs(draw: st.DrawFn, name: str) -> bytes:
    """Now and then anything; mostly a good input with some of its bytes changed, moved, cut out or put in."""
    if draw(st.integers(0, 4)) == 0:
        return draw(st.binary(max_size=300))
    seed = draw(st.sampled_from(TARGETS[name].seeds))
    if seed[:2] in (b'{"', b"[{", b"{\n") and draw(st.booleans()):
        return swapped(draw, seed)
    data = bytearray(seed)
    for _ in range(draw(st.integers(0, 4))):
        at = draw(st.integers(0, len(data)))
        stop = min(len(data), at + draw(st.integers(0, 40)))
        what = draw(st.sampled_from(["bytes", "text", "again", "number"]))
        if what == "again":
            data[at:at] = data[at:stop] * draw(st.integers(1, 5))
        elif what == "text":
            data[at:stop] = draw(st.text(max_size=8)).encode("utf-8", "surrogatepass")
        elif what == "number":
            data[at:stop] = str(draw(st.integers(-(2**70), 2**70))).encode()
        else:
            data[at:stop] = draw(st.binary(max_size=12))
    return bytes(data)


ODD: list[Any] = [None, True, -1, 0, 1.5, 2**70, "", "x", "\0", [], [[]], {}, {"a": {}}]
JSON_SEEDS = [
    (name, seed) for name, target in TARGETS.items() for seed in target.seeds if seed[:2] in (b'{"', b"[{", b"{\n")
]


def document_of(seed: bytes) -> Any:
    lines = seed.split(b"\n")
    return {"": json.loads(lines[0] if lines[0].endswith(b"}") else seed)}


def swapped(draw: st.DrawFn, seed: bytes) -> bytes:
    """JSON (or its first line) with something in it replaced by what does not belong there, or left out."""
    document = document_of(seed)
    place, key = document, ""
    while isinstance(place[key], dict | list) and place[key] and draw(st.integers(0, 3)):
        place = place[key]
        key = draw(st.sampled_from(sorted(place) if isinstance(place, dict) else range(len(place))))
    if key != "" and draw(st.integers(0, 5)) == 0:
        del place[key]
    else:
        place[key] = draw(st.sampled_from(ODD))
    return json.dumps(document[""]).encode() + b"\n"


def fuzz(name: str, examples: int) -> None:
    @settings(max_examples=examples, suppress_health_check=list(HealthCheck), deadline=None, database=None)
    @given(inputs(name))
    def tried(data: bytes) -> None:
        run(name, data)

    before = resident()
    tried()
    grown = resident() - before
    assert grown < MOST_MEMORY, f"{name} took {grown >> 20} MiB more than before"


def resident() -> int:
    """The most memory that this process ever held, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


@pytest.mark.parametrize("name", TARGETS)
def test_every_parser_takes_or_refuses(name: str) -> None:
    fuzz(name, 10 if name in SLOW else 40)


@pytest.mark.soak
@pytest.mark.parametrize("name", TARGETS)
def test_every_parser_takes_or_refuses_for_long(name: str) -> None:
    fuzz(name, 2000 if name in SLOW else 20_000)


@pytest.mark.parametrize("name", TARGETS)
def test_the_seeds_are_taken(name: str) -> None:
    """A target whose seeds are refused would test nothing but its first lines."""
    for seed in TARGETS[name].seeds:
        TARGETS[name].parse(seed)


@pytest.mark.parametrize(
    "data",
    [b"[" * 100_000, b'{"a":' * 50_000, b"\x91" * 100_000, b"\x81\xa1a" * 50_000, b"9" * 100_000, b"\n" * 100_000,
             b"\xdf\xff\xff\xff\xff", b"\xc6\xff\xff\xff\xff", b"A" * 1_000_000, b"=" * 100_000],
)  # fmt: skip
def test_deep_long_and_boastful_input_is_got_over(data: bytes) -> None:
    for name in TARGETS:
        run(name, data)


@pytest.mark.parametrize(("name", "seed"), JSON_SEEDS, ids=[name for name, _ in JSON_SEEDS])
def test_every_place_in_json_may_hold_anything(name: str, seed: bytes) -> None:
    whole = document_of(seed)

    def places(place: Any) -> Iterator[tuple[Any, Any]]:
        for key in list(place) if isinstance(place, dict) else range(len(place)):
            yield place, key
            if isinstance(place[key], dict | list):
                yield from places(place[key])

    slow = name in SLOW
    for place, key in list(islice(places(whole), 12 if slow else 40)):
        kept = place[key]
        for odd in ODD[::4] if slow else ODD:
            place[key] = odd
            run(name, json.dumps(whole[""]).encode() + b"\n")
        place[key] = kept
