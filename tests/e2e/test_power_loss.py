"""What reaches the disk, and in which order, as the kernel was asked for it (strace): a power cut finds nothing torn.

A rename is only worth something if the file was synced before it and the directory is synced after it; the high-water
mark may only follow the log, and an event may only follow what it tells of.
"""

import re
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tests.lab.host import STORECTL, LabHost

CALLS = "fsync,fdatasync,rename,renameat,renameat2,link,linkat,symlink,symlinkat,pwrite64,write,execve"
_LINE = re.compile(r"(?P<pid>\d+) +(?P<call>\w+)\((?P<rest>.*)\) += 0")
_WRITE = re.compile(r"(?P<pid>\d+) +(?P<call>p?write(?:64)?)\(\d+<(?P<path>[^>]+)>")
_PATHS = re.compile(r'"([^"]*)"|<([^>]*)>')
# Caches may be lost, and are built again.
_THROWN_AWAY = ("/cache/", "/lock", "/forked")


@dataclass(frozen=True)
class Call:
    """One system call that succeeded: its name and the paths in it."""

    pid: str
    name: str
    paths: tuple[str, ...]


def traced(host: LabHost, *words: str) -> list[Call]:
    """Run storectl under strace; the calls of it and its programs in their order."""
    file = host.directory / "trace"
    argv = ["strace", "-f", "--seccomp-bpf", "-y", "-s", "200", "-e", f"trace={CALLS}", "-o", str(file)]
    done = subprocess.run(
        [*argv, *STORECTL, "--sysroot", str(host.sysroot), *words],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return list(_calls(file))


def _calls(file: Path) -> Iterator[Call]:
    for line in file.read_text("utf-8", "replace").splitlines():
        if found := _LINE.match(line):
            paths = tuple(a or b for a, b in _PATHS.findall(found["rest"]))
            yield Call(found["pid"], found["call"], paths)
        elif found := _WRITE.match(line):
            yield Call(found["pid"], "write", (found["path"],))


def own(calls: list[Call]) -> list[Call]:
    """The calls of storectl's main thread, where all its renaming is done; and each `sync` that it starts."""
    return [call for call in calls if call.pid == calls[0].pid or _syncs_all(call)]


def require_durable(calls: list[Call], below: Path) -> int:
    """Every rename and link below this directory: synced before, its directory synced after; how many there were."""
    mine = own(calls)
    checked = 0
    for number, call in enumerate(mine):
        if not call.name.startswith(("rename", "link")) or not call.paths[-1].startswith(str(below)):
            continue
        source, target = call.paths[0], call.paths[-1]
        if any(part in target for part in _THROWN_AWAY):
            continue
        checked += 1
        before = [n for n, c in enumerate(mine[:number]) if c.name == "write" and c.paths[0] == source]
        synced = [
            n for n, c in enumerate(mine[:number])
            if (c.name in ("fsync", "fdatasync") and c.paths[0] == source) or _syncs_all(c)
        ]  # fmt: skip
        assert not before or (synced and max(synced) > max(before)), f"{source} was renamed before it was synced"
        directory = str(Path(target).parent)
        assert any((c.name == "fsync" and c.paths[0] == directory) or _syncs_all(c) for c in mine[number:]), (
            f"the directory of {target} is not synced after the rename"
        )
    return checked


def _syncs_all(call: Call) -> bool:
    return call.name == "execve" and call.paths[0].endswith("/sync")


def require_mark_after_log(calls: list[Call]) -> int:
    """The high-water mark is written only after the log was synced, and synced itself; how often."""
    times, log_dirty, mark_dirty = 0, False, False
    for call in own(calls):
        path = call.paths[0] if call.paths else ""
        if path.endswith("log.db-wal"):
            log_dirty = call.name == "write" or (log_dirty and not call.name.endswith("sync"))
        elif path.endswith("checkpoints/high-water"):
            if call.name == "write":
                assert not log_dirty, "the mark would be ahead of the log"
                times, mark_dirty = times + 1, True
            elif call.name.endswith("sync"):
                mark_dirty = False
    assert not mark_dirty
    return times


def test_what_a_power_cut_could_tear_is_synced_in_order(host: LabHost) -> None:
    host.sysroot.mkdir()
    made = traced(host, "init", "--stateroot", "demo")
    assert require_durable(made, host.sysroot / "ostree/storectl") >= 4, "two keys, the mark, the log"
    assert require_durable(made, host.sysroot / "ostree/bootc") == 1, "the container store, made aside"
    assert require_mark_after_log(made) >= 2

    name = host.push("app").reference
    pulled = traced(host, "pull", name, "--no-tls-verify")
    assert require_mark_after_log(pulled) >= 3
    # Between skopeo's last write and the event that the image is there, everything is synced.
    programs = [Path(call.paths[0]).name for call in pulled if call.name == "execve"]
    assert "sync" in programs[len(programs) - programs[::-1].index("skopeo") :]

    layer = host.json("images")[0]["layers"][-1]
    next(path for path in (host.store / f"overlay/{layer}/diff").rglob("*") if path.is_file()).write_text("X")
    (host.store / "overlay" / layer / "lower").write_text("l/NOTHING")
    healed = traced(host, "heal", "--deep", "--no-tls-verify")
    assert require_durable(healed, host.sysroot / "ostree/bootc") >= 5, "layers out and in, and a chain"
    assert require_mark_after_log(healed) >= 3
    assert host.json("fsck", "--deep")["clean"] is True
