"""No parser crashes, hangs or eats memory, whatever it is given: random bytes, and good input damaged."""

import resource

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
    data = bytearray(draw(st.sampled_from(TARGETS[name].seeds)))
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
