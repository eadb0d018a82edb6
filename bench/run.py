"""`make bench`: start-up, reading commands after a long history, and what planning a collection costs.

`--json FILE` writes the figures there, too; `--full` takes more rounds and larger stores.
"""

import argparse
import json
import platform
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from adapters.containers.records import read_store
from adapters.event_log.log import SqliteEventLog
from adapters.files.layout import Layout
from adapters.keys.key_files import ensure_key
from adapters.system_clock import SystemClock
from bench.generated import operations, pulls, write_store
from bench.measuring import Row, command, paired, peak_mb
from domain.consumers import references
from domain.decisions.pruning import plan_prune
from domain.events.codec import draft
from domain.events.store import StoreInitialised
from domain.graph import ReferenceGraph
from domain.values import StoreId
from projections.reference_graph import fold
from tests.support.events import entries

PYTHON = [sys.executable, "-c", "pass"]


def start_up(rounds: int, scratch: Path) -> Iterator[Row]:
    """Whole processes against a Python that does nothing."""
    base = [sys.executable, "-m", "storectl"]
    yield paired("storectl --help", command([*base, "--help"]), "python3 -c pass", command(PYTHON), rounds)
    for events in (100, 10_000):
        sysroot = scratch / f"log{events}"
        make_log(sysroot, events)
        status = command([*base, "--sysroot", str(sysroot), "status"])
        yield paired(f"status, {events} events", status, "python3 -c pass", command(PYTHON), rounds)
        newest = command([*base, "--sysroot", str(sysroot), "history", "-n", "20"])
        yield paired(f"history -n 20, {events} events", newest, "python3 -c pass", command(PYTHON), rounds)


def make_log(sysroot: Path, events: int) -> None:
    """A store whose log has so many events; its graph has twenty images."""
    layout, clock = Layout(sysroot), SystemClock()
    layout.keys.mkdir(parents=True)
    layout.checkpoints.mkdir()
    write_store(layout.store, 20)
    signers = [ensure_key(layout.keys / f"{name}.key") for name in ("log", "event")]
    first = StoreInitialised(StoreId("bench"), "bench.test/x", signers[0].public_key, signers[1].public_key, None)
    with SqliteEventLog.create(
        layout.log, layout.high_water, "bench.test/x", [draft(first)], log_signer=signers[0], event_signer=signers[1],
        actor="bench", operation="", now_us=clock.now_us(),
    ) as log:  # fmt: skip
        drafts = [draft(event) for event in [*pulls(20), *operations(events)]]
        for start in range(0, len(drafts), 1000):
            log.append(
                drafts[start : start + 1000], expected=log.head().size, actor="bench", operation="",
                now_us=clock.now_us(),
            )  # fmt: skip


def planning(rounds: int, scratch: Path, sizes: list[int]) -> Iterator[Row]:
    """Looking at the owned store and three consumers and planning, against parsing the same JSON files once."""
    for images in sizes:
        owned, consumers = scratch / f"owned{images}", [scratch / f"consumer{images}.{n}" for n in range(3)]
        write_store(owned, images)
        for consumer in consumers:
            write_store(consumer, max(1, images // 100))
        graph = fold(ReferenceGraph(), entries(list(pulls(images))))

        def plan(owned: Path = owned, consumers: list[Path] = consumers, graph: ReferenceGraph = graph) -> None:
            view = read_store(owned)
            for consumer in consumers:
                references(read_store(consumer), view)
            plan_prune(graph, view, graph.time_us)

        def parse(owned: Path = owned) -> None:
            for name in ("images", "layers"):
                json.loads((owned / f"overlay-{name}/{name}.json").read_bytes())

        row = paired(f"gc plan, {images} images, 3 consumers", plan, "json.loads of its records", parse, rounds)
        yield Row(row.what, row.subject_s, row.floor, row.floor_s, round(peak_mb(), 1))


def main() -> None:
    parser = argparse.ArgumentParser(description="Figures as medians, and as ratios to a floor of the same run.")
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--json", type=Path, metavar="FILE")
    options = parser.parse_args()
    rounds = 15 if options.full else 5
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as name:
        scratch = Path(name)
        sizes = [100, 1000, 10_000]
        for row in (*start_up(rounds, scratch), *planning(rounds, scratch, sizes)):
            rows.append(row)
            peak = f", peak {row.peak_mb:.0f} MB" if row.peak_mb else ""
            sys.stdout.write(
                f"{row.what:<36} {row.subject_s * 1000:9.1f} ms   {row.floor:<26} {row.floor_s * 1000:8.1f} ms   "
                f"ratio {row.ratio:7.2f}{peak}\n"
            )
            sys.stdout.flush()
    if options.json:
        machine = {"python": platform.python_version(), "machine": platform.machine(), "rounds": rounds}
        options.json.write_text(json.dumps({**machine, "rows": [row.as_json() for row in rows]}, indent=1) + "\n")


if __name__ == "__main__":
    main()
