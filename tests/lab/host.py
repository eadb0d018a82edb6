"""A sysroot with the tools around it, asked through the installed command and through podman, skopeo and ostree."""

import json
import os
import shutil
import subprocess
import sys
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.lab.images import PushedImage, push_image
from tests.lab.os_trees import make_os_commit
from tests.lab.registry import Registry

STORECTL = (sys.executable, "-m", "storectl")
BASE = {"usr/bin/base": b"base " * 2000}


@dataclass(frozen=True)
class Ran:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def lines(self) -> list[Any]:
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def error(self) -> Any:
        """The error document on stderr."""
        return json.loads(self.err.splitlines()[-1])


@dataclass
class LabHost:
    """`prefix` keeps the repositories of tests that share a registry apart."""

    registry: Registry
    directory: Path
    prefix: str = field(default_factory=lambda: f"t{uuid.uuid4().hex[:8]}")

    @property
    def sysroot(self) -> Path:
        return self.directory / "sysroot"

    @property
    def repo(self) -> Path:
        return self.directory / "os-repo"

    @property
    def store(self) -> Path:
        return self.sysroot / "ostree/bootc/storage"

    # storectl

    def run(self, *words: str | Path, environment: Mapping[str, str] | None = None) -> Ran:
        """Run storectl; whatever comes."""
        argv = [*STORECTL, "--sysroot", str(self.sysroot), *map(str, words)]
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STORECTL_")}
        done = subprocess.run(
            argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, env={**inherited, **(environment or {})},
            timeout=120, check=False,
        )  # fmt: skip
        assert "Traceback" not in done.stderr, done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def ok(self, *words: str | Path) -> Ran:
        """Run storectl; it has to succeed."""
        ran = self.run(*words)
        assert ran.code == 0, f"{words}: exit {ran.code}\n{ran.out}\n{ran.err}"
        return ran

    def json(self, *words: str | Path) -> Any:
        """Run storectl; its JSON answer."""
        return self.ok("--json", *words).json

    def init(self) -> Any:
        return self.json("init", "--stateroot", "demo")

    def deploy(self, ref: str = "os/stable") -> Any:
        """Deploy from the repository; the deployment's row."""
        return self.json("deploy", ref, "--from", self.repo, "--no-tls-verify")

    def history(self, *words: str) -> list[Any]:
        return self.ok("--json", "history", *words).lines

    # What there is to work with

    def name(self, repository: str, tag: str = "latest") -> str:
        return f"{self.registry.host}/{self.prefix}/{repository}:{tag}"

    def push(
        self, repository: str, tag: str = "latest", *, content: str = "1", layers: Sequence[Mapping[str, bytes]] = ()
    ) -> PushedImage:
        """An application image on the shared base layer; `content` makes it one of its own."""
        own = {f"usr/share/{repository}": f"{repository} {content}\n".encode()}
        return push_image(self.registry, f"{self.prefix}/{repository}", tag, [BASE, *layers, own])

    def commit(self, version: str, bound: Mapping[str, str], *, branch: str = "os/stable") -> str:
        return make_os_commit(self.repo, branch, version=version, bound=bound)

    # What other tools see

    def podman_images(self, store: Path | None = None) -> list[Any]:
        """`podman images`: each image once, with `Id`, `Names`, `Digest`."""
        answer: list[Any] = json.loads(self.podman("images", "--no-trunc", "--format", "json", store=store) or "[]")
        return answer

    def image_ids(self) -> set[str]:
        return {image["Id"].removeprefix("sha256:") for image in self.podman_images()}

    def podman(self, *words: str, store: Path | None = None, check: bool = True) -> str:
        """podman on the owned store (or another), in a mount namespace of its own."""
        root = store or self.store
        argv = ["unshare", "--mount", "--propagation", "private", "podman", "--root", str(root), "--runroot",
                f"/run/storectl-lab/{self.prefix}-{root.name}", "--storage-driver", "overlay", *words]  # fmt: skip
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done.stdout

    def ostree_order(self) -> list[str]:
        """`ostree admin status`, as deployment names."""
        text = self.ostree("admin", "status", f"--sysroot={self.sysroot}")
        words = [
            line.replace("*", " ").split()
            for line in text.splitlines()
            if line[:1] in " *" and line[2:3] not in ("", " ")
        ]
        return [f"{parts[0]}-{parts[1]}" for parts in words]

    def ostree(self, *words: str | Path) -> str:
        argv = ["ostree", *map(str, words)]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def unmount(self) -> None:
        """No mount may be left below the directory."""
        left = [
            line.split()[4]
            for line in Path("/proc/self/mountinfo").read_text().splitlines()
            if str(self.directory) in line
        ]
        for leftover in Path("/run/storectl-lab").glob(f"{self.prefix}-*"):
            shutil.rmtree(leftover, ignore_errors=True)
        for place in reversed(left):
            subprocess.run(["umount", "-l", place], check=False, stdin=subprocess.DEVNULL)
        assert not left, f"mounts were left behind: {left}"
