"""What a collection's plan costs on a large store, against podman listing its images."""

import os
import signal
import subprocess
import time
from pathlib import Path

from adapters.containers.records import read_store
from bench.logs import many_images
from bench.measuring import Row, own_peak_mb, paired
from domain.consumers import references
from domain.decisions.pruning import plan_prune
from domain.events.base import Event
from domain.events.image import ImagePulled, LayerReferenced
from domain.graph import ReferenceGraph
from domain.store_view import StoreView
from domain.values import Digest, ImageId, LayerId
from projections.reference_graph import fold
from tests.support.events import entries


def row(scratch: Path, images: int, rounds: int) -> Row:
    """The owned store and three consumers looked at, and the plan made of the graph."""
    owned = scratch / f"owned{images}"
    consumers = [scratch / f"consumer{number}" for number in range(3)]
    many_images(owned, images)
    for consumer in consumers:
        many_images(consumer, max(1, images // 100))
    graph = fold(ReferenceGraph(), entries(_events(read_store(owned))))

    def plan() -> None:
        view = read_store(owned)
        for consumer in consumers:
            references(read_store(consumer), view)
        made = plan_prune(graph, view, graph.time_us)
        assert len(made.images) == images

    ours, _ = paired(plan, lambda: None, rounds)
    podman = ["podman", "--root", str(owned), "--runroot", str(scratch / "run"), "--storage-driver", "overlay"]
    theirs, finished = _listed(["unshare", "--mount", "--propagation", "private", *podman, "images", "--no-trunc"])
    peer = "podman images on that store" + ("" if finished else f" (stopped after {_MOST_S:.0f} s)")
    return Row(
        "plan", f"gc's plan: {images:,} images, {len(graph.layers):,} layers, 3 consumers", peer, ours, theirs, "time",
        0.5, figures={"peak, MB": own_peak_mb()},
    )  # fmt: skip


_MOST_S = 60.0  # podman looks into every layer's directory, and generated records have none: it may take for ever


def _listed(argv: list[str]) -> tuple[float, bool]:
    """Seconds that podman takes, once, and whether it came to an end in time."""
    began = time.perf_counter()
    with subprocess.Popen(
        argv, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True
    ) as process:
        try:
            process.wait(_MOST_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            return _MOST_S, False
    return time.perf_counter() - began, True


def _events(view: StoreView) -> list[Event]:
    """The events that such a store comes from."""
    events: list[Event] = []
    for image in view.images.values():
        layers = view.chain(image.layer)
        assert image.digest is not None
        events.append(ImagePulled(
            ImageId(image.id), image.digest, None, Digest(f"sha256:{image.id}"), image.names, image.names[0], layers,
            5000,
        ))  # fmt: skip
        for layer in layers:
            stored = view.layers[layer]
            events.append(LayerReferenced(
                LayerId(layer), image.id, stored.parent, stored.diff_id, stored.compressed_digest, 1000, None
            ))  # fmt: skip
    return events
