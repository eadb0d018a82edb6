"""Deploying and collecting with the real programs, against the shell script and the podman command that do the same."""

import json
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from statistics import median

from bench.measuring import Row, command, remove_tree, run, storectl
from bench.slow_proxy import SlowProxy
from tests.lab.images import push_image
from tests.lab.os_trees import make_os_commit
from tests.lab.registry import Registry

IMAGES = 8
BASE_BYTES, OWN_BYTES = 24_000_000, 3_000_000
GARBAGE = 50
_PRIVATE = ["unshare", "--mount", "--propagation", "private", "--"]


def rows(scratch: Path, rounds: int) -> Iterator[Row]:
    with Registry(scratch / "registry") as registry:
        base = {"usr/lib/base": os.urandom(BASE_BYTES)}
        for number in range(IMAGES):
            push_image(
                registry, f"bench/app{number}", "latest", [base, {f"usr/lib/app{number}": os.urandom(OWN_BYTES)}]
            )
        yield _deploy("deploy", scratch, registry, registry.host, 1.1, rounds)
        with SlowProxy(registry.host, 0.05) as proxy:
            yield _deploy("deploy-slow", scratch, registry, proxy.host, 0.5, rounds, proxy)
        yield _present(scratch, registry, rounds)
        yield _collect(scratch, registry, rounds)


def _deploy(
    key: str, scratch: Path, registry: Registry, host: str, target: float, rounds: int, proxy: SlowProxy | None = None
) -> Row:
    """Both from an empty store; each image's blobs are counted as the registry saw them."""
    repo = scratch / f"repo-{key}"
    bound = {f"app{number}.image": f"{host}/bench/app{number}:latest" for number in range(IMAGES)}
    commit = make_os_commit(repo, "os/stable", version=key, bound=bound)
    ours: list[float] = []
    theirs: list[float] = []
    fetched: list[int] = []
    for _ in range(rounds):
        with _Sysroot(scratch, repo) as sysroot:
            before = len(proxy.blobs if proxy else registry.blob_requests())
            ours.append(_timed(command(storectl(sysroot, "deploy", commit, "--no-tls-verify"))))
            blobs = (proxy.blobs if proxy else registry.blob_requests())[before:]
            fetched.append(len(blobs) - len(set(blobs)))
        with _Sysroot(scratch, repo) as sysroot:
            script = _script(sysroot, commit, list(bound.values()))
            theirs.append(_timed(command([*_PRIVATE, "sh", "-ec", script])))
    what = f"deploy with {IMAGES} bound images that share a base layer, loopback registry"
    return Row(
        key, what + (", 50 ms more for each request" if proxy else ""),
        "skopeo copy one after another, then ostree admin deploy", median(ours), median(theirs), "time", target,
        figures={"blobs fetched twice": float(max(fetched))},
    )  # fmt: skip


def _script(sysroot: Path, commit: str, images: list[str]) -> str:
    store = f"containers-storage:[overlay@{sysroot}/ostree/bootc/storage+{sysroot}/run]"
    copies = [f"skopeo copy -q --src-tls-verify=false docker://{image} {store}{image}" for image in images]
    return "\n".join([*copies, f"ostree admin deploy --sysroot={sysroot} --os=demo {commit}"])


def _present(scratch: Path, registry: Registry, rounds: int) -> Row:
    """The same images again, for another commit; the peer deploys a commit alone."""
    repo = scratch / "repo-present"
    bound = {f"app{number}.image": f"{registry.host}/bench/app{number}:latest" for number in range(IMAGES)}
    commits = [
        make_os_commit(repo, f"os/{number}", version=str(number), bound=bound) for number in range(2 * rounds + 1)
    ]
    ours: list[float] = []
    theirs: list[float] = []
    with _Sysroot(scratch, repo) as sysroot:
        command(storectl(sysroot, "deploy", commits[0], "--no-tls-verify"))()
        for mine, other in zip(commits[1::2], commits[2::2], strict=True):
            ours.append(_timed(command(storectl(sysroot, "deploy", mine, "--no-tls-verify"))))
            alone = ["ostree", "admin", "deploy", f"--sysroot={sysroot}", "--os=demo", "--retain", other]
            theirs.append(_timed(command([*_PRIVATE, *alone])))
            run(storectl(sysroot, "undeploy", "0"))
            run(storectl(sysroot, "undeploy", "0"))
    return Row(
        "deploy-present", f"deploy when all {IMAGES} images are present", "ostree admin deploy alone", median(ours),
        median(theirs), "more", 1300.0,
    )  # fmt: skip


def _collect(scratch: Path, registry: Registry, rounds: int) -> Row:
    """The same fifty images in two copies of one store."""
    repo = scratch / "repo-gc"
    make_os_commit(repo, "os/stable", version="gc", bound={})
    base = {"usr/lib/base": b"base" * 50_000}
    for number in range(GARBAGE):
        push_image(registry, f"garbage/app{number}", "latest", [base, {f"usr/lib/app{number}": b"%d" % number * 1000}])
    ours: list[float] = []
    theirs: list[float] = []
    with _Sysroot(scratch, repo) as sysroot:
        store = sysroot / "ostree/bootc/storage"
        inner = f"containers-storage:[overlay@{store}+{sysroot}/run]"
        copies = [
            f"skopeo copy -q --src-tls-verify=false docker://{registry.host}/garbage/app{number} "
            f"{inner}{registry.host}/garbage/app{number}:latest"
            for number in range(GARBAGE)
        ]
        run([*_PRIVATE, "sh", "-ec", "\n".join(copies)])
        run(storectl(sysroot, "gc", "--adopt-foreign", "--grace", "1h"))
        kept = scratch / "kept"
        run(["cp", "-a", sysroot, kept])
        for _ in range(rounds):
            _put_back(kept, sysroot)
            ours.append(_timed(command(storectl(sysroot, "gc"))))
            assert not _image_ids(store), "everything is collected"
            _put_back(kept, sysroot)
            podman = ["podman", "--root", str(store), "--runroot", f"{sysroot}/run", "--storage-driver", "overlay"]
            theirs.append(_timed(command([*_PRIVATE, *podman, "image", "rm", *_image_ids(store)])))
            assert not _image_ids(store)
        remove_tree(kept)
    return Row(
        "gc", f"gc of {GARBAGE} images", "podman image rm of the same, one command", median(ours), median(theirs),
        "time", 1.3,
    )  # fmt: skip


def _image_ids(store: Path) -> list[str]:
    return [image["id"] for image in json.loads((store / "overlay-images/images.json").read_text() or "[]") or []]


def _put_back(kept: Path, sysroot: Path) -> None:
    remove_tree(sysroot)
    run(["cp", "-a", kept, sysroot])


class _Sysroot:
    """A fresh sysroot that has the repository's commits; taken away again with all that it mounted."""

    def __init__(self, scratch: Path, repo: Path) -> None:
        self.path, self.repo = Path(tempfile.mkdtemp(prefix="sysroot-", dir=scratch)), repo

    def __enter__(self) -> Path:
        run(storectl(self.path, "init", "--stateroot", "demo"))
        run(["ostree", f"--repo={self.path}/ostree/repo", "pull-local", str(self.repo)])
        return self.path

    def __exit__(self, *_: object) -> None:
        remove_tree(self.path)


def _timed(call: Callable[[], object]) -> float:
    began = time.perf_counter()
    call()
    return time.perf_counter() - began
