import fcntl
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from adapters.event_log.high_water import HighWater, Mark
from adapters.keys import ed25519
from domain.errors import Failed, Tampered
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.keys import VerifierKey
from domain.ledger.merkle import Frontier
from tests.support.logs import LOG_KEY, ORIGIN, OTHER_KEY, VKEY


def mark(size: int, origin: str = ORIGIN) -> Mark:
    frontier = Frontier().extended(number.to_bytes(32) for number in range(size))
    return Mark(sign_checkpoint(Checkpoint(origin, size, frontier.root()), LOG_KEY), frontier)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoints" / "high-water"


@pytest.fixture
def high_water(path: Path) -> HighWater:
    high_water = HighWater(path, [VKEY], ed25519.verify)
    high_water.create(mark(1))
    return high_water


def again(path: Path) -> HighWater:
    return HighWater(path, [VKEY], ed25519.verify)


def test_no_file_is_no_mark(path: Path) -> None:
    assert again(path).read() is None


def test_it_rises_and_never_falls(path: Path, high_water: HighWater) -> None:
    for size, expected in ((2, 2), (7, 7), (3, 7), (7, 7), (8, 8), (1, 8), (1000, 1000)):
        high_water.advance(mark(size))
        assert high_water.read() == again(path).read() == mark(expected)
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.stat().st_size == 8192
    assert [file.name for file in path.parent.iterdir()] == ["high-water"]


def test_two_that_raise_it_in_turn_see_each_other(path: Path, high_water: HighWater) -> None:
    other = again(path)
    for size in range(2, 12):
        (high_water if size % 2 else other).advance(mark(size))
        other.advance(mark(size - 1))
        assert again(path).read() == mark(size)


def test_one_waits_for_the_other(path: Path, high_water: HighWater) -> None:
    """Between looking at what is there and writing nobody else may write."""
    with path.open("rb") as file, ThreadPoolExecutor(1) as pool:
        fcntl.flock(file, fcntl.LOCK_EX)
        raising = pool.submit(high_water.advance, mark(3))
        with pytest.raises(TimeoutError):
            raising.result(timeout=0.05)
        fcntl.flock(file, fcntl.LOCK_UN)
        raising.result(timeout=10)
    assert again(path).read() == mark(3)


@pytest.mark.parametrize("written", [0, 1, 100, 300, 4095])
def test_a_write_cut_short_leaves_the_mark_before_it(path: Path, high_water: HighWater, written: int) -> None:
    high_water.advance(mark(5))
    before = path.read_bytes()
    high_water.advance(mark(6))
    after = path.read_bytes()
    slot = 0 if before[:4096] != after[:4096] else 4096
    path.write_bytes(before[:slot] + after[slot : slot + written] + before[slot + written :])
    kept = again(path).read()
    assert kept is not None
    assert kept.size in (5, 6)
    again(path).advance(mark(7))
    assert again(path).read() == mark(7)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(st.binary(max_size=300) | st.binary(min_size=1, max_size=300).map(lambda part: part * (9000 // len(part))))
def test_garbage_is_refused_and_nothing_else_happens(path: Path, content: bytes) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(content)
    with pytest.raises(Tampered, match=str(path)):
        again(path).read()


def test_a_changed_size_root_or_frontier_does_not_hold(path: Path, high_water: HighWater) -> None:
    good = mark(6)
    high_water.create(good)
    content = path.read_bytes()
    lines = content[:4096].rstrip(b"\n").split(b"\n")
    for number in range(len(lines)):
        if not lines[number]:
            continue
        changed = [*lines]
        changed[number] = changed[number].replace(
            changed[number][-5:-4], b"7" if changed[number][-5:-4] != b"7" else b"8"
        )
        if number == 1:
            changed[1] = b"5"
        path.write_bytes(b"\n".join(changed).ljust(4096, b"\n") * 2)
        with pytest.raises(Tampered):
            again(path).read()


def test_another_logs_mark_does_not_hold(path: Path, high_water: HighWater) -> None:
    with pytest.raises(Tampered):
        HighWater(path, [VerifierKey(ORIGIN, OTHER_KEY.public_key)], ed25519.verify).read()
    with pytest.raises(Tampered):
        HighWater(path, [VerifierKey("other.example/log", LOG_KEY.public_key)], ed25519.verify).read()


def test_the_largest_mark_fits_its_slot(path: Path) -> None:
    origin = "o" * 255
    nodes = tuple(bytes([number]) * 32 for number in range(62))
    frontier = Frontier(2**62 - 1, nodes)
    largest = Mark(sign_checkpoint(Checkpoint(origin, frontier.size, frontier.root()), LOG_KEY), frontier)
    high_water = HighWater(path, [VerifierKey(origin, LOG_KEY.public_key)], ed25519.verify)
    high_water.create(largest)
    assert high_water.read() == largest


def test_a_mark_that_has_gone_is_not_made_anew(path: Path, high_water: HighWater) -> None:
    path.unlink()
    with pytest.raises(Failed, match="has gone"):
        high_water.advance(mark(2))
    assert not path.exists()


def test_what_cannot_be_read_or_written_is_no_traceback(tmp_path: Path) -> None:
    path = tmp_path / "file" / "high-water"
    path.parent.write_text("a file")
    with pytest.raises(Failed, match="high-water"):
        again(path).read()
    with pytest.raises(Failed, match="high-water"):
        again(path).create(mark(1))
