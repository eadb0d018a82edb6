"""`make bench`: every row of docs/performance.md.

Without options a short form (logs up to 10⁵ events, few rounds, under three minutes) that prints its table. `--full`
goes to 10⁶ events and writes docs/performance.{md,json} and the plots; `--only WORD` runs the groups whose name has it.
"""

import argparse
import json
import os
import platform
import sqlite3
import sys
import tempfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

from bench import appending, auditing, deploying, page, planning, reading, starting
from bench.logs import BenchStore, make_stores
from bench.measuring import Row, remove_tree, run

Series = dict[str, list[tuple[int, float]]]


class Bench:
    """One run: `stores` from the shortest log to the longest."""

    def __init__(self, scratch: Path, full: bool) -> None:
        self.scratch, self.full = scratch, full
        self.rounds = 7 if full else 3
        self._stores: list[BenchStore] = []
        self.growth: Series = {}
        self.per_event: Series = {}

    @property
    def stores(self) -> list[BenchStore]:
        if not self._stores:
            sizes = [10**power for power in range(3, 7 if self.full else 6)]
            self._stores = list(make_stores(self.scratch, sizes))
        return self._stores

    def start(self) -> Iterator[Row]:
        yield from starting.rows(self.stores[0], 2 * self.rounds + 1)

    def append(self) -> Iterator[Row]:
        yield from appending.rows(self.scratch, self.rounds)
        yield appending.size_row(self.stores[-1])

    def deploy(self) -> Iterator[Row]:
        yield from deploying.rows(self.scratch, 3 if self.full else 1)

    def plan(self) -> Iterator[Row]:
        yield planning.row(self.scratch, 10_000 if self.full else 1_000, self.rounds)

    def flat(self) -> Iterator[Row]:
        yield from reading.flat(self.stores[-1], self.stores[0], self.rounds)
        self.growth |= reading.growth(self.stores, max(3, self.rounds // 2))

    def log(self) -> Iterator[Row]:
        """Every size, so that growth shows; the longest is the row."""
        for number, store in enumerate(self.stores):
            few = 3 if self.full and store.events < 500_000 else 1  # of a million events every round takes a minute
            rows = [
                reading.rebuild(store, few),
                auditing.fast(store, few),
                reading.history_lines(store, self.scratch, few),
            ]
            for row in rows:
                self.per_event.setdefault(row.what, []).append((store.events, row.subject_s))
                self.per_event.setdefault(f"({row.floor})", []).append((store.events, row.floor_s))
            if number == len(self.stores) - 1:
                yield from rows

    def verify(self) -> Iterator[Row]:
        """10⁵ events: what a signature costs does not depend on how many there are."""
        store = self.stores[2 if self.full else 1]
        yield from auditing.full(store, 3)

    def proofs(self) -> Iterator[Row]:
        yield from auditing.proofs(self.stores[-1], self.rounds)

    def memory(self) -> Iterator[Row]:
        yield from auditing.memory(self.stores[-1], self.scratch)


GROUPS: dict[str, Callable[[Bench], Iterator[Row]]] = {
    "append": Bench.append, "verify": Bench.verify, "log": Bench.log, "flat": Bench.flat, "proofs": Bench.proofs,
    "deploy": Bench.deploy, "plan": Bench.plan, "memory": Bench.memory, "start": Bench.start,
}  # fmt: skip


def machine() -> dict[str, str]:
    """What the figures are figures of."""
    cpu = next((line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")), ":")
    programs = {
        name: run(argv).stdout.splitlines()[0].strip()
        for name, argv in {
            "podman": ["podman", "--version"], "skopeo": ["skopeo", "--version"], "git": ["git", "--version"],
            "openssl": ["openssl", "version"],
        }.items()
    }  # fmt: skip
    version = next(line for line in run(["ostree", "--version"]).stdout.splitlines() if "Version" in line)
    ostree = version.partition(":")[2].strip(" '")
    return {
        "processor": f"{cpu.partition(':')[2].strip()}, {os.cpu_count()} cores", "system": platform.platform(),
        "Python": platform.python_version(), "SQLite": sqlite3.sqlite_version, "ostree": ostree, **programs,
    }  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures as medians, against floors and peers of the same run.")
    parser.add_argument("--full", action="store_true", help="up to a million events; writes docs/performance.*")
    parser.add_argument("--only", metavar="WORD", action="append", help=f"groups: {', '.join(GROUPS)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="the figures, there too")
    options = parser.parse_args()
    names = [name for name in GROUPS if not options.only or any(word in name for word in options.only)]
    scratch = Path(tempfile.mkdtemp(prefix="storectl-bench-"))
    try:
        bench = Bench(scratch, options.full)
        rows = list(chain.from_iterable(_told(GROUPS[group](bench)) for group in names))
        document = _document(bench, rows)
    finally:
        remove_tree(scratch)
    if options.json:
        options.json.write_text(json.dumps(document, indent=1) + "\n")
    if options.full and not options.only:
        page.write(document)


def _told(rows: Iterator[Row]) -> Iterator[Row]:
    for row in rows:
        sys.stdout.write(page.line_for_people(row) + "\n")
        sys.stdout.flush()
        yield row


def _document(bench: Bench, rows: list[Row]) -> dict[str, Any]:
    return {
        "machine": machine() | {"rounds": str(bench.rounds)}, "rows": [row.as_json() for row in rows],
        "growth": bench.growth, "per_event": bench.per_event,
    }  # fmt: skip


if __name__ == "__main__":
    main()
