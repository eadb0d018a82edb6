"""What reads the log: the graph rebuilt, commands after a long history, the history itself, proofs."""

import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import msgpack

from adapters.event_log.raw_file import SELECT_ROWS
from adapters.event_log.reader import LogReader
from application.graphs import graph_at
from bench.logs import BenchStore
from bench.measuring import Row, command, paired, run, storectl
from cli.bulk import load_decode, load_read_row

COMMANDS = {
    "status": ["status"],
    "why": ["why"],
    "history-n-20": ["history", "-n", "20"],
    "gc-dry-run": ["gc", "--dry-run"],
}


def words(name: str, store: BenchStore) -> list[str]:
    return [*COMMANDS[name], store.image] if name == "why" else COMMANDS[name]


def rebuild(store: BenchStore, rounds: int) -> Row:
    """The graph folded from the first event on, against reading and unpacking the same rows."""

    def floor() -> None:
        connection = sqlite3.connect(store.layout.log)
        for row in connection.execute(f"{SELECT_ROWS} ORDER BY position"):
            body, _, _ = msgpack.unpackb(row[4])
            msgpack.unpackb(msgpack.unpackb(body)[11])
        connection.close()

    def subject() -> None:
        with LogReader(store.layout.log, long_reads=load_read_row) as log:
            graph_at(log, store.events, load_decode())

    ours, theirs = paired(subject, floor, rounds)
    return Row(
        "rebuild", "graph rebuilt from the log", "reading the same rows and unpacking them with msgpack",
        ours / store.events, theirs / store.events, "rate", 0.5, events=store.events,
    )  # fmt: skip


def flat(store: BenchStore, short: BenchStore, rounds: int) -> Iterator[Row]:
    """Commands after a long history against the same after a short one."""
    for name in COMMANDS:
        ours, theirs = paired(
            command(storectl(store.sysroot, *words(name, store))),
            command(storectl(short.sysroot, *words(name, short))),
            rounds,
        )
        yield Row(
            f"flat-{name}", f"storectl {' '.join(COMMANDS[name])}", f"the same after {short.events:,} events", ours,
            theirs, "time", 1.3, events=store.events, limit_s=0.5,
        )  # fmt: skip


def history_lines(store: BenchStore, scratch: Path, rounds: int) -> Row:
    """`history --json` against `git log` over as many commits, both written to a file."""
    repository = scratch / f"git{store.events}"
    make_commits(repository, store.events)
    out = scratch / "out"

    def into_file(argv: list[str]) -> Callable[[], object]:
        def call() -> None:
            with out.open("wb") as file:
                subprocess.run(argv, stdout=file, stdin=subprocess.DEVNULL, check=True)

        return call

    ours, theirs = paired(
        into_file(storectl(store.sysroot, "--json", "history")),
        into_file(["git", "-C", str(repository), "log", "main"]), rounds,
    )  # fmt: skip
    out.unlink()
    return Row(
        "history-json", "storectl --json history, per event", "git log over as many commits, per commit",
        ours / store.events, theirs / store.events, "time", 1.0, events=store.events,
    )  # fmt: skip


def make_commits(repository: Path, count: int) -> None:
    """A straight history of empty commits, packed."""
    run(["git", "init", "-q", "-b", "main", repository])
    with subprocess.Popen(
        ["git", "-C", str(repository), "fast-import", "--quiet"], stdin=subprocess.PIPE, text=True
    ) as importer:
        assert importer.stdin is not None
        for number in range(1, count + 1):
            said = f"layer {number:064x} referenced by image {number:064x}"
            parent = f"from :{number - 1}\n" if number > 1 else ""
            importer.stdin.write(
                f"commit refs/heads/main\nmark :{number}\n"
                f"committer root <root@localhost> {1_700_000_000 + number} +0000\n"
                f"data {len(said)}\n{said}\n{parent}\n"
            )
        importer.stdin.close()
    run(["git", "-C", repository, "repack", "-adq"])


def growth(stores: list[BenchStore], rounds: int) -> dict[str, list[tuple[int, float]]]:
    """Seconds of each command, and of a rebuild, at each size."""
    series: dict[str, list[tuple[int, float]]] = {}
    for store in stores:
        for name in COMMANDS:
            call = command(storectl(store.sysroot, *words(name, store)))
            ours, _ = paired(call, lambda: None, rounds)
            series.setdefault(f"storectl {' '.join(COMMANDS[name])}", []).append((store.events, ours))
        began = time.perf_counter()
        with LogReader(store.layout.log, long_reads=load_read_row) as log:
            graph_at(log, store.events, load_decode())
        series.setdefault("graph rebuilt from the log", []).append((store.events, time.perf_counter() - began))
    return series
