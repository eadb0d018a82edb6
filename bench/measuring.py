"""Running two things in turn, and what came of it."""

import gc
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

Rule = Literal["rate", "time", "more", "limit"]


@dataclass(frozen=True)
class Row:
    """One figure against its floor or peer: seconds of each, medians of the rounds, per event where there are any.

    `rule`: `rate`: the floor's seconds over ours have to reach `target`; `time`: ours over the floor's must not exceed
    it; `more`: ours minus the floor's, in ms, must not; `limit`: `subject_s` itself is the figure, in `unit`.
    `limit_s`: ours must not exceed that either. `events`: how long the log was.
    """

    key: str
    what: str
    floor: str
    subject_s: float
    floor_s: float
    rule: Rule
    target: float
    events: int | None = None
    limit_s: float | None = None
    unit: str = ""
    figures: Mapping[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        if self.rule == "limit":
            return self.subject_s
        if self.rule == "more":
            return (self.subject_s - self.floor_s) * 1000
        return self.floor_s / self.subject_s if self.rule == "rate" else self.subject_s / self.floor_s

    @property
    def reached(self) -> bool:
        fits = self.value >= self.target if self.rule == "rate" else self.value <= self.target
        return fits and (self.limit_s is None or self.subject_s <= self.limit_s)

    def as_json(self) -> dict[str, Any]:
        return {
            "key": self.key, "what": self.what, "floor": self.floor, "subject_s": self.subject_s,
            "floor_s": self.floor_s, "rule": self.rule, "target": self.target, "value": self.value,
            "reached": self.reached, "events": self.events, "limit_s": self.limit_s, "unit": self.unit,
            "figures": dict(self.figures),
        }  # fmt: skip

    @classmethod
    def of_json(cls, plain: Mapping[str, Any]) -> "Row":
        return cls(**{name: plain[name] for name in cls.__dataclass_fields__})


def paired(
    subject: Callable[[], object],
    floor: Callable[[], object],
    rounds: int,
    *,
    warm: bool = True,
    between: Callable[[], object] = lambda: None,
) -> tuple[float, float]:
    """Median seconds of both, in turn: A B A B …, after one of each to warm up. `between` runs untimed before each."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + warm):
        for kept, call in zip(times, (subject, floor), strict=True):
            between()
            gc.collect()
            began = time.perf_counter()
            call()
            if number or not warm:
                kept.append(time.perf_counter() - began)
    return statistics.median(times[0]), statistics.median(times[1])


def run(argv: Sequence[str | os.PathLike[str]], **options: Any) -> "subprocess.CompletedProcess[str]":
    """A whole process; it has to succeed."""
    done = subprocess.run(
        [os.fspath(word) for word in argv], stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False,
        **options,
    )  # fmt: skip
    if done.returncode:
        raise SystemExit(f"{' '.join(os.fspath(word) for word in argv)}: exit {done.returncode}\n{done.stderr[-2000:]}")
    return done


def command(argv: Sequence[str | os.PathLike[str]]) -> Callable[[], object]:
    """A whole process, its output thrown away."""
    words = [os.fspath(word) for word in argv]
    return lambda: subprocess.run(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL, check=True
    )


def storectl(sysroot: os.PathLike[str], *words: str | os.PathLike[str]) -> list[str]:
    """The installed command on a sysroot."""
    return [sys.executable, "-m", "storectl", "--sysroot", os.fspath(sysroot), *(os.fspath(word) for word in words)]


_WATCH = """
import os, sys
null = os.open(os.devnull, os.O_RDWR)
files = [(os.POSIX_SPAWN_DUP2, null, number) for number in range(3)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=files)
_, status, usage = os.wait4(pid, 0)
print(usage.ru_maxrss)
sys.exit(os.waitstatus_to_exitcode(status))
"""


def peak_mb(argv: Sequence[str | os.PathLike[str]]) -> float:
    """The largest resident size of a process, in MB. Started by a small one: the kernel counts the starter's in."""
    words = [os.fspath(word) for word in argv]
    return int(run([sys.executable, "-I", "-S", "-c", _WATCH, *words]).stdout) / 1024


def remove_tree(path: Path) -> None:
    """A directory with whole sysroots in it: deployments carry the immutable bit."""
    for root in path.rglob("ostree/deploy/*/deploy/*"):
        subprocess.run(["chattr", "-i", root], check=False, stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    shutil.rmtree(path)


def own_peak_mb() -> float:
    """This process' largest resident size so far."""
    # Not getrusage: its ru_maxrss begins with the size of whoever started the process.
    status = Path("/proc/self/status").read_text()
    return int(status.partition("VmHWM:")[2].split()[0]) / 1024
