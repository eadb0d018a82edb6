"""Stores with logs of 10³ … 10⁶ events: a build machine's history, in a sysroot that the installed command works on."""

import base64
import hashlib
import json
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.event_log.log import SqliteEventLog
from adapters.files.layout import Layout
from adapters.keys.key_files import load_key
from bench.measuring import remove_tree, run, storectl
from domain.events.base import Event
from domain.events.codec import draft
from domain.events.consumer import ConsumerRemoved
from domain.events.deployment import DeploymentRemoved
from domain.events.image import ImageBound
from domain.graph import ReferenceGraph
from projections.reference_graph import fold
from tests.lab.os_trees import make_os_commit
from tests.support.histories import BUILDS, history


@dataclass(frozen=True)
class BenchStore:
    """A sysroot whose log has about `events` events; `image` is one of the images that its deployment binds."""

    sysroot: Path
    events: int
    image: str
    graph: ReferenceGraph

    @property
    def layout(self) -> Layout:
        return Layout(self.sysroot)


def open_log(sysroot: Path) -> SqliteEventLog:
    layout = Layout(sysroot)
    log, event = (load_key(layout.keys / f"{role}.key", None) for role in ("log", "event"))
    return SqliteEventLog(layout.log, layout.high_water, log_signer=log, event_signer=event)


def make_stores(scratch: Path, sizes: list[int]) -> Iterator[BenchStore]:
    """One store after another, each with the shorter one's history and more."""
    growing = scratch / "growing"
    growing.mkdir()
    make_os_commit(scratch / "os-repo", "os/stable", version="1", bound={})
    run(storectl(growing, "init", "--stateroot", "demo"))
    run(storectl(growing, "deploy", "os/stable", "--from", scratch / "os-repo"))
    batches = history(BUILDS, 10**9)
    for size in sizes:
        grow(growing, batches, size)
        place = scratch / f"events{size}"
        run(["cp", "-a", growing, place])
        yield settle(place)
    remove_tree(growing)


def grow(sysroot: Path, batches: Iterator[object], size: int) -> None:
    """Append the history up to about `size` events, less what `settle` adds."""
    with open_log(sysroot) as log:
        while log.head().size < size - size // 8:
            batch = next(batches)
            append(log, list(batch.events), batch.operation, batch.time_us)  # type: ignore[attr-defined]


def append(log: SqliteEventLog, events: list[Event], operation: str, now_us: int) -> None:
    for at in range(0, len(events), 1000):
        drafts = [draft(event) for event in events[at : at + 1000]]
        log.append(drafts, expected=log.head().size, actor="root", operation=operation, now_us=now_us)


def settle(sysroot: Path) -> BenchStore:
    """Hand all that is live to the one deployment that really is there, and make the container store's records."""
    with open_log(sysroot) as log:
        graph = fold(ReferenceGraph(), log.entries())
        real = next(name for name in graph.deployments if name.startswith("demo-"))
        live = [node for node in graph.images.values() if node.id in graph.held_images(graph.time_us)]
        bound = [ImageBound(n.id, real, f"{n.id[:8]}.container", n.source, n.digest, by_hand=True) for n in live]
        gone = [DeploymentRemoved(name, "", (real,)) for name in graph.deployments if name != real]
        left = [ConsumerRemoved(path, "") for path in graph.consumers]
        append(log, [*bound, *gone, *left], "", graph.time_us)
        graph = fold(ReferenceGraph(), log.entries())
        events = log.head().size
    write_store(Layout(sysroot).store, graph)
    run(storectl(sysroot, "status"))  # makes the caches
    return BenchStore(sysroot, events, live[0].id, graph)


def write_store(root: Path, graph: ReferenceGraph) -> None:
    """The records of the container store that such a graph describes, without content."""
    images: list[dict[str, object]] = [
        {"id": node.id, "digest": node.digest, "names": list(node.names), "layer": node.layers[-1],
         "big-data-digests": {f"manifest-{node.digest}": node.digest}}
        for node in graph.images.values()
    ]  # fmt: skip
    layers: list[dict[str, object]] = [
        {"id": node.id, "parent": node.parent or "", "diff-digest": node.diff_id, "diff-size": node.bytes,
         "compressed-diff-digest": node.compressed_digest}
        for node in graph.layers.values()
    ]  # fmt: skip
    write_records(root, images, layers)


def write_records(root: Path, images: list[dict[str, object]], layers: list[dict[str, object]]) -> None:
    for name, content in (("images", images), ("layers", layers), ("containers", [])):
        directory = root / f"overlay-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.json").write_text(json.dumps(content))
        (directory / f"{name}.lock").write_bytes(os.urandom(64))


def many_images(root: Path, images: int, layers_each: int = 7) -> None:
    """A store of so many images that podman lists: records, manifests and configs, no content."""
    records: list[dict[str, object]] = []
    layers: dict[str, dict[str, object]] = {}
    for number in range(images):
        above: str | None = None
        diffs = []
        for layer in layer_names(number, layers_each):
            diffs.append(f"sha256:{_hex('diff', layer)}")
            layers[layer] = {
                "id": layer, "diff-digest": diffs[-1], "diff-size": 1000, "created": "2026-01-01T00:00:00Z",
                "compressed-diff-digest": f"sha256:{_hex('blob', layer)}", **({"parent": above} if above else {}),
            }  # fmt: skip
            above = layer
        records.append(_image_record(root, number, str(above), diffs))
    write_records(root, records, list(layers.values()))


def layer_names(number: int, each: int) -> list[str]:
    """Base first: two that ten images share, the rest the image's own."""
    shared = [_hex("shared", number // 10, depth) for depth in range(2)]
    return [*shared, *(_hex("own", number, depth) for depth in range(2, each))]


def _image_record(root: Path, number: int, top: str, diffs: list[str]) -> dict[str, object]:
    config = json.dumps({
        "architecture": "amd64", "os": "linux", "created": "2026-01-01T00:00:00Z",
        "config": {"Labels": {"n": str(number)}},
        "rootfs": {"type": "layers", "diff_ids": diffs}, "history": [{"created_by": "x"} for _ in diffs],
    }).encode()  # fmt: skip
    config_digest = f"sha256:{hashlib.sha256(config).hexdigest()}"
    manifest = json.dumps({
        "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": len(config),
                   "digest": config_digest},
        "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "size": 500,
                    "digest": f"sha256:{_hex('blob', each)}"} for each in diffs],
    }).encode()  # fmt: skip
    digest = f"sha256:{hashlib.sha256(manifest).hexdigest()}"
    identity = config_digest[7:]
    place = root / "overlay-images" / identity
    place.mkdir(parents=True)
    data = {config_digest: config, "manifest": manifest, f"manifest-{digest}": manifest}
    for key, content in data.items():
        (place / _file_name(key)).write_bytes(content)
    return {
        "id": identity, "digest": digest, "names": [f"quay.io/bench/app{number}:latest"], "layer": top,
        "created": "2026-01-01T00:00:00Z", "big-data-names": list(data),
        "big-data-sizes": {key: len(content) for key, content in data.items()},
        "big-data-digests": {key: f"sha256:{hashlib.sha256(content).hexdigest()}" for key, content in data.items()},
    }  # fmt: skip


def _file_name(key: str) -> str:
    plain = all(c.isdigit() or c.islower() or c == "." for c in key)
    return key if plain else "=" + base64.b64encode(key.encode()).decode()


def _hex(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()
