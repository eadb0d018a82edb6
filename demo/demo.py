"""`make demo`: an operating system with two applications, deployed, moved on, rolled back and collected.

Starts a registry on loopback, makes real images and real ostree commits, and runs storectl as an operator would. It
prints each command with its output; with `--record FILE` it writes the session there, too. Whatever happens, the
registry is stopped, no mount is left, and the scratch directory is taken away.
"""

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.lab.images import push_image  # noqa: E402 (the project's root has to be on the path first)
from tests.lab.os_trees import make_os_commit, remove_sysroot  # noqa: E402
from tests.lab.registry import Registry  # noqa: E402

SCRATCH = Path("/tmp/storectl-demo")  # noqa: S108 (a fixed, short path, so that the recorded session is readable)
STORECTL = Path(sys.executable).with_name("storectl")
BASE = {"usr/bin/base": b"the base that both applications share\n" * 20_000}


class Session:
    """Runs commands, prints them with their output, and remembers both."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.sysroot = SCRATCH / "sysroot"

    def say(self, text: str) -> None:
        sys.stdout.write(text + "\n")
        sys.stdout.flush()
        self.lines.append(text)

    def storectl(self, *words: str) -> None:
        self.say(f"$ storectl {' '.join(words)}")
        argv = [str(STORECTL), "--sysroot", str(self.sysroot), *words]
        done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
        self.say(done.stdout.rstrip() + "\n")
        if done.returncode:
            raise SystemExit(f"exit {done.returncode}")

    def quietly(self, *words: str) -> object:
        argv = [str(STORECTL), "--sysroot", str(self.sysroot), "--json", *words]
        answer: object = json.loads(subprocess.run(argv, capture_output=True, text=True, check=True).stdout)
        return answer


def run(session: Session, registry: Registry) -> None:
    repo = SCRATCH / "os-repo"
    app, database = f"{registry.host}/demo/app:latest", f"{registry.host}/demo/db:1"
    bound = {"app.container": app, "db.image": database}

    session.say(f"# A registry at {registry.host} with two images that share a base layer, and an OS that binds them.")
    push_image(registry, "demo/app", "latest", [BASE, {"usr/bin/app": b"app, first\n"}])
    push_image(registry, "demo/db", "1", [BASE, {"usr/bin/db": b"database\n"}])
    make_os_commit(repo, "os/stable", version="1", bound=bound)
    session.storectl("init", "--stateroot", "demo")
    session.storectl("deploy", "os/stable", "--from", str(repo), "--no-tls-verify")

    session.say("# The application moves on under the same tag, and the OS with it.")
    push_image(registry, "demo/app", "latest", [BASE, {"usr/bin/app": b"app, second\n"}])
    make_os_commit(repo, "os/stable", version="2", bound=bound)
    session.storectl("deploy", "os/stable", "--from", str(repo), "--no-tls-verify")
    session.storectl("status")

    session.say("# Who needs the shared layer?")
    layers = session.quietly("layers")
    assert isinstance(layers, list)
    session.storectl("why", layers[0]["id"][:12])

    session.say("# Back to the first version, and forward again: its image is still there.")
    session.storectl("rollback")
    session.storectl("rollback")

    session.say("# The first version is given up. What only it bound is garbage; the shared layer is not.")
    session.storectl("undeploy", "rollback")
    session.storectl("gc", "--dry-run")
    session.storectl("gc")
    session.storectl("images")
    session.storectl("history", "--limit", "12")
    session.storectl("verify")


@contextmanager
def scratch() -> Iterator[None]:
    clean()
    SCRATCH.mkdir(parents=True)
    try:
        yield
    finally:
        store = None
        with contextlib.suppress(OSError, ValueError, subprocess.SubprocessError):
            store = json.loads(_status())["store"]
        if store:
            shutil.rmtree(Path("/run/storectl") / store, ignore_errors=True)
        clean()
        left = [line for line in Path("/proc/self/mountinfo").read_text().splitlines() if str(SCRATCH) in line]
        if left:
            raise SystemExit(f"mounts were left behind: {left}")


def _status() -> str:
    argv = [str(STORECTL), "--sysroot", str(SCRATCH / "sysroot"), "--json", "status"]
    return subprocess.run(argv, capture_output=True, text=True, check=True).stdout


def clean() -> None:
    remove_sysroot(SCRATCH / "sysroot")
    shutil.rmtree(SCRATCH, ignore_errors=True)


def main() -> None:
    parser = argparse.ArgumentParser(description="storectl's main job, shown on real images and deployments.")
    parser.add_argument("--record", type=Path, metavar="FILE", help="write the session there, too")
    recorded = parser.parse_args().record
    session = Session()
    with scratch(), Registry(SCRATCH / "registry") as registry:
        run(session, registry)
    if recorded:
        recorded.write_text("\n".join(session.lines).rstrip() + "\n")


if __name__ == "__main__":
    main()
