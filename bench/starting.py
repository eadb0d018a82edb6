"""How long a command takes before it does anything, against a Python that does nothing."""

import sys
from collections.abc import Iterator

from bench.logs import BenchStore
from bench.measuring import Row, command, paired, storectl

_PYTHON = [sys.executable, "-c", "pass"]


def rows(store: BenchStore, rounds: int) -> Iterator[Row]:
    """`--help`, and `status` on a small store."""
    for key, what, argv, target in (
        ("start-help", "storectl --help", [sys.executable, "-m", "storectl", "--help"], 80.0),
        ("start-status", "storectl status on a small store", storectl(store.sysroot, "status"), 150.0),
    ):
        ours, theirs = paired(command(argv), command(_PYTHON), rounds)
        yield Row(key, what, "python3 -c pass", ours, theirs, "more", target)
