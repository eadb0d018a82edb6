"""Every attack of the corpus is found by both verifiers, which say the same of it."""

import os
import resource
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from adapters.files.archive import header
from application.audit.exporting import Wanted
from domain.bundle.manifest import MEMBERS
from tests.attacks.bundle_corpus import corpus, write
from tests.attacks.bundle_damage import changed, unpacked
from tests.support.bundles import HonestLog, a_log, bundle_bytes, check

LOG = a_log(24)


def run_corpus(path: Path, dense: int, capsys: pytest.CaptureFixture[str]) -> Counter[str]:
    verdicts: Counter[str] = Counter()
    missed = []
    honest = bundle_bytes(LOG, Wanted(9, 19))
    for name, data in corpus(LOG, dense=dense):
        if data == honest:
            continue
        verdict = check(write(path, data), LOG.vkey).verdict
        verdicts[verdict] += 1
        if verdict == "verified":
            missed.append(name)
    with capsys.disabled():
        found = ", ".join(f"{count} {verdict}" for verdict, count in sorted(verdicts.items()))
        total = sum(verdicts.values())
        sys.stdout.write(f"\nbundle attacks: {total}, found by both verifiers: {found}; missed: {len(missed)}\n")
    assert not missed, missed
    return verdicts


def test_every_attack_is_found_by_both(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    verdicts = run_corpus(tmp_path / "bundle", 200, capsys)
    assert sum(verdicts.values()) > 900
    assert set(verdicts) == {"tampered", "unchecked"}


@pytest.mark.soak
def test_every_byte_counts(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    run_corpus(tmp_path / "bundle", 1_000_000, capsys)


def test_a_revocation_left_out_between_other_changes_is_missed_by_nobody(tmp_path: Path) -> None:
    log = HonestLog()
    log.grow(4)
    log.replace_event_key()
    log.revoke_former(5)
    log.grow(4)
    log.rotate_event_key()
    log.grow(4)
    bundle = bundle_bytes(log, Wanted(12, 15))
    files = unpacked(bundle)
    lines = [line for line in files["keys.jsonl"].split(b"\n") if line]
    assert check(write(tmp_path / "whole", bundle), log.vkey).verdict == "verified"
    without = changed(bundle, keys_jsonl=b"".join(line + b"\n" for line in lines[:-2] + lines[-1:]))
    assert check(write(tmp_path / "cut", without), log.vkey).verdict == "tampered"


@pytest.mark.parametrize("verifier", ["storectl", "verify_bundle"])
def test_a_huge_bundle_is_refused_with_little_memory(tmp_path: Path, verifier: str) -> None:
    """Eight gigabytes of nothing in a sparse file, under a header that says so."""
    files = unpacked(bundle_bytes(LOG, Wanted(0, 5)))
    path = tmp_path / "bomb"
    with path.open("wb") as file:
        for name in MEMBERS:
            size = 8**11 - 512 if name in ("records", "keys.jsonl", "report.html") else len(files[name])
            file.write(header(name, size))
            file.write(files[name][: min(size, len(files[name]))])
            file.seek(size - len(files[name]) + -size % 512, os.SEEK_CUR)
        file.write(bytes(1024))
    program = [sys.executable, "-m", "storectl", "audit", "verify"] if verifier == "storectl" else [
        sys.executable, "storectl/verify_bundle.py",
    ]  # fmt: skip

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, 1 << 30))

    ran = subprocess.run(
        [*program, str(path), "--key", str(LOG.vkey)], capture_output=True, text=True, preexec_fn=limit, timeout=60,
        stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert (ran.returncode, "Traceback" in ran.stderr) == (3, False), ran.stderr
