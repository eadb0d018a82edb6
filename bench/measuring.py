"""Running two things in turn, and what came of it."""

import resource
import statistics
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass


@dataclass(frozen=True)
class Row:
    """Medians over the rounds: seconds of the subject and of its floor, and what the one is to the other."""

    what: str
    subject_s: float
    floor: str
    floor_s: float
    peak_mb: float | None = None

    @property
    def ratio(self) -> float:
        return self.subject_s / self.floor_s if self.floor_s else float("inf")

    def as_json(self) -> dict[str, object]:
        return {**asdict(self), "ratio": round(self.ratio, 3)}


def paired(
    what: str, subject: Callable[[], object], floor_name: str, floor: Callable[[], object], rounds: int = 7
) -> Row:
    """Both in turn, A B A B …, after one of each to warm up."""
    times: tuple[list[float], list[float]] = ([], [])
    for number in range(rounds + 1):
        for kept, call in zip(times, (subject, floor), strict=True):
            began = time.perf_counter()
            call()
            if number:
                kept.append(time.perf_counter() - began)
    return Row(what, statistics.median(times[0]), floor_name, statistics.median(times[1]))


def command(argv: Sequence[str]) -> Callable[[], object]:
    """A whole process, its output thrown away."""
    return lambda: subprocess.run(argv, stdout=subprocess.DEVNULL, stdin=subprocess.DEVNULL, check=True)


def peak_mb() -> float:
    """This process' largest resident size so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
