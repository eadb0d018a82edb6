"""The log under several processes, and under kill -9."""

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from adapters.event_log.high_water import HighWater
from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from adapters.keys import ed25519
from application.audit.verifying import Trust, verify_log
from tests.support.logs import VKEY, append, draft, mark_path, new_log, open_log

HERE = Path(__file__).parents[2]
# Appends batches of 1 to 3 on the newest head until it is killed or has `count` of them, and says which positions
# were acknowledged; at a conflict it decides again.
WRITER = """
import os, sys
from pathlib import Path
from domain.errors import Conflict
from tests.support.logs import draft, open_log
path, count, name = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
conflicts = 0
with open_log(path) as log:
    done = 0
    while done < count:
        size = log.head().size
        drafts = [draft(done, f"{name}/{size % 5}") for _ in range(1 + size % 3)]
        try:
            entries = log.append(drafts, expected=size, actor=name, operation="", now_us=size)
        except Conflict:
            conflicts += 1
            continue
        done += 1
        os.write(1, "".join(f"{entry.position} {entry.leaf_hash.hex()}\\n" for entry in entries).encode())
    os.write(2, f"{conflicts}".encode())
"""


def writer(path: Path, count: int, name: str) -> "subprocess.Popen[bytes]":
    # Unbuffered on this side: what a buffer had read ahead of a readline, communicate() would not give.
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, path, str(count), name], cwd=HERE, bufsize=0,
        stdout=subprocess.PIPE, stderr=subprocess.PIPE,
    )  # fmt: skip


def acknowledged(output: bytes) -> dict[int, str]:
    whole = output[: output.rfind(b"\n") + 1].decode()
    return {int(position): leaf for position, leaf in (line.split() for line in whole.splitlines())}


def require_all(path: Path, positions: dict[int, str]) -> int:
    """Every acknowledged event is there, the log verifies, and can be continued; gives its size."""
    with LogReader(path) as reader:
        mark = HighWater(mark_path(path), [VKEY], ed25519.verify).read()
        assert mark is not None
        assert max(positions) <= mark.size <= reader.size
        assert verify_log(RawLogFile(path), Trust(VKEY), ed25519.verify).verdict == "verified"
        leaves = {entry.position: entry.leaf_hash.hex() for entry in reader.entries()}
    assert positions.items() <= leaves.items()
    with open_log(path) as log:
        append(log, [draft(0)])
    return len(leaves)


def test_processes_that_append_at_once_lose_and_double_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    new_log(path).close()
    writers = [writer(path, 60, f"writer{number}") for number in range(3)]
    outputs = [process.communicate(timeout=60) for process in writers]
    assert [process.returncode for process in writers] == [0, 0, 0], outputs
    positions = [acknowledged(out) for out, _ in outputs]
    together = {position: leaf for some in positions for position, leaf in some.items()}
    assert len(together) == sum(map(len, positions)), "no position was given twice"
    assert require_all(path, together) == 1 + len(together)


@pytest.mark.parametrize("delay_s", [0.02, 0.11, 0.23])
def test_kill_9_keeps_what_was_acknowledged(tmp_path: Path, delay_s: float) -> None:
    path = tmp_path / "log.db"
    new_log(path).close()
    writers = [writer(path, 1_000_000, f"writer{number}") for number in range(2)]
    first = []
    for process in writers:
        assert process.stdout
        first.append(process.stdout.readline())  # it is appending by now
    time.sleep(delay_s)
    positions: dict[int, str] = {}
    for process in writers:
        process.send_signal(signal.SIGKILL)
    for process, line in zip(writers, first, strict=True):
        out, _ = process.communicate(timeout=30)
        positions |= acknowledged(line + out)
    assert len(positions) > 3
    assert require_all(path, positions) >= max(positions)
