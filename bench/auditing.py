"""Verification against openssl and hashlib, proofs, and what long logs take of memory."""

import hashlib
import os
import re
import sqlite3
import sys
import time
from collections.abc import Iterator
from pathlib import Path

from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from adapters.event_log.tree_rows import TreeRows
from adapters.files.cache_file import CacheFile
from adapters.keys.ed25519 import verify
from application.audit.proving import Prover
from application.audit.verifying import Trust, verify_log
from bench.logs import BenchStore
from bench.measuring import Row, paired, peak_mb, run, storectl
from domain.ledger.keys import VerifierKey

_SPEED = re.compile(r"253 bits EdDSA \(Ed25519\)\s+(?P<sign>\S+)s\s+(?P<verify>\S+)s\s+\S+\s+(?P<rate>[\d.]+)")


def full(store: BenchStore, rounds: int) -> Iterator[Row]:
    """Every signature checked, on one core and on all, against what openssl verifies there in a second."""
    with LogReader(store.layout.log) as log:
        genesis = log.genesis()
    trust = Trust(VerifierKey(genesis.origin, genesis.log_key))
    cores = sorted(os.sched_getaffinity(0))
    for used in (1, 2):
        if len(cores) < used:
            continue
        ours: list[float] = []
        theirs: list[float] = []
        os.sched_setaffinity(0, cores[:used])
        try:
            for _ in range(rounds):
                began = time.perf_counter()
                verdict = verify_log(RawLogFile(store.layout.log), trust, verify)
                ours.append((time.perf_counter() - began) / store.events)
                assert verdict.verdict == "verified", verdict
                theirs.append(1 / _openssl_rate(used))
        finally:
            os.sched_setaffinity(0, cores)
        yield Row(
            f"verify-full-{used}", f"full verification, {used} core{'s' if used > 1 else ''}",
            f"openssl speed ed25519, {used} process{'es' if used > 1 else ''}", sorted(ours)[len(ours) // 2],
            sorted(theirs)[len(theirs) // 2], "rate", 0.92 if used == 1 else 0.88, events=store.events,
        )  # fmt: skip


def _openssl_rate(processes: int) -> float:
    """Verifications a second."""
    said = run(["openssl", "speed", "-seconds", "1", "-multi", str(processes), "ed25519"]).stdout
    match = _SPEED.search(said)
    assert match is not None, said
    return float(match["rate"])


def fast(store: BenchStore, rounds: int) -> Row:
    """Tree, chain and checkpoint without the events' signatures, against hashing the same leaves in memory."""
    with LogReader(store.layout.log) as log:
        genesis = log.genesis()
    trust = Trust(VerifierKey(genesis.origin, genesis.log_key))
    connection = sqlite3.connect(store.layout.log)
    leaves = [b"\0" + record for (record,) in connection.execute("SELECT state FROM stored_events ORDER BY position")]
    connection.close()

    def subject() -> None:
        verdict = verify_log(RawLogFile(store.layout.log), trust, verify, signatures=False)
        assert verdict.verdict == "verified", verdict

    def floor() -> None:
        for leaf in leaves:
            hashlib.sha256(leaf).digest()

    ours, theirs = paired(subject, floor, rounds)
    return Row(
        "verify-fast", "fast verification: tree, chain, checkpoint", "hashing the same leaves, in memory, with hashlib",
        ours / store.events, theirs / store.events, "rate", 0.4, events=store.events,
        limit_s=4e-6, figures={"whole log, s": ours},
    )  # fmt: skip


def proofs(store: BenchStore, rounds: int) -> Iterator[Row]:
    """Inclusion proofs of events all over the log."""
    with LogReader(store.layout.log) as log:
        prover = Prover(TreeRows(log, CacheFile(store.layout.tree_cache)), log.head())
        took: list[float] = []
        most = 0
        for number in range(20 * rounds):
            index = number * 7919 % store.events
            _, leaf = log.raw_record(index + 1)
            began = time.perf_counter()
            proof = prover.inclusion(index, leaf)
            took.append(time.perf_counter() - began)
            most = max(most, len(proof.hashes))
    yield Row("proof", "inclusion proof in process, ms", "", sorted(took)[len(took) // 2] * 1000, 1.0, "limit", 2.0,
              events=store.events, unit="ms")  # fmt: skip
    yield Row("proof-hashes", "hashes in an inclusion proof", "", float(most), 1.0, "limit", 20.0, events=store.events,
              unit="hashes")  # fmt: skip


def memory(store: BenchStore, scratch: Path) -> Iterator[Row]:
    """The largest resident size of whole commands on the log."""
    measured = {
        "append": [sys.executable, "-m", "bench.one_append", os.fspath(store.sysroot)],
        "verify": storectl(store.sysroot, "verify"),
        "replay of the graph": storectl(store.sysroot, "graph", "--at", str(store.events), "--format", "json"),
        "export": storectl(store.sysroot, "audit", "export", "-o", scratch / "bundle"),
    }
    for what, argv in measured.items():
        yield Row(f"memory-{what.split()[0]}", f"peak memory of {what}, MB", "", peak_mb(argv), 1.0, "limit", 150.0,
                  events=store.events, unit="MB")  # fmt: skip
    (scratch / "bundle").unlink(missing_ok=True)
