"""A history of some thousand events, which is read and encoded in bulk: the same documents as one by one."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from adapters.event_log.log import SqliteEventLog
from adapters.event_log.reader import SHORT
from domain.events.codec import draft
from tests.support.histories import WEEKLY, history
from tests.support.logs import new_log


@pytest.fixture(scope="module")
def sysroot(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("long")
    (root / "ostree/bootc/storage").mkdir(parents=True)
    log: SqliteEventLog
    with new_log(root / "ostree/storectl/log.db") as log:
        for batch in history(WEEKLY, 12):
            drafts = [draft(event) for event in batch.events]
            log.append(drafts, expected=log.head().size, actor="j\u00f6rg/\"root\"", operation=batch.operation,
                       now_us=batch.time_us)  # fmt: skip
        assert log.head().size > 2 * SHORT
    return root


def history_of(sysroot: Path, *words: str) -> list[str]:
    argv = [sys.executable, "-m", "storectl", "--sysroot", str(sysroot), "--json", "history", *words]
    done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def test_many_at_once_are_what_few_are(sysroot: Path) -> None:
    every = history_of(sysroot)
    assert [json.loads(line)["position"] for line in every] == list(range(1, len(every) + 1))
    assert history_of(sysroot, "--limit", "400") == every[-400:]
    assert history_of(sysroot, "--limit", "400", "--until", json.loads(every[299])["time"]) == every[:300]
    assert history_of(sysroot, "--reverse") == every[::-1]
    assert len({json.loads(line)["type"] for line in every}) > 15
    assert any(json.loads(line)["type"] == "StoreInitialised" and json.loads(line)["data"]["log_key"] for line in every)
