"""Generated stores and logs, the same for the same numbers."""

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path

from domain.events.base import Event
from domain.events.image import ImagePulled, LayerReferenced
from domain.events.operation import OperationBegun, OperationCompleted
from domain.values import Digest, ImageId, LayerId, OperationId

LAYERS_PER_IMAGE = 5
SHARED = 2  # of these, so many are shared by ten images


def hexes(*words: object) -> str:
    return hashlib.sha256(" ".join(map(str, words)).encode()).hexdigest()


def image_layers(number: int) -> list[str]:
    """Base first: shared ones by tens, the rest its own."""
    shared = [hexes("shared", number // 10, depth) for depth in range(SHARED)]
    return shared + [hexes("own", number, depth) for depth in range(SHARED, LAYERS_PER_IMAGE)]


def write_store(root: Path, images: int) -> None:
    """The records of a containers-storage instance (no content): what reading it reads."""
    records, layers = [], {}
    for number in range(images):
        chain = image_layers(number)
        for depth, layer in enumerate(chain):
            record = {"id": layer, "diff-digest": f"sha256:{hexes('diff', layer)}", "diff-size": 1000}
            if depth:
                record["parent"] = chain[depth - 1]
            layers[layer] = record
        digest = f"sha256:{hexes('manifest', number)}"
        records.append({
            "id": hexes("image", number), "digest": digest, "names": [f"quay.io/bench/app{number}:latest"],
            "layer": chain[-1], "big-data-digests": {f"manifest-{digest}": digest},
        })  # fmt: skip
    for name, content in (("images", records), ("layers", list(layers.values())), ("containers", [])):
        directory = root / f"overlay-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.json").write_text(json.dumps(content))
        (directory / f"{name}.lock").write_bytes(b"x" * 64)


def pulls(images: int) -> Iterator[Event]:
    """The events that such a store comes from."""
    for number in range(images):
        chain = [LayerId(layer) for layer in image_layers(number)]
        image = ImageId(hexes("image", number))
        digest = Digest(f"sha256:{hexes('manifest', number)}")
        name = f"quay.io/bench/app{number}:latest"
        yield ImagePulled(image, digest, None, Digest(f"sha256:{image}"), (name,), name, tuple(chain), 5000)
        for depth, layer in enumerate(chain):
            parent = chain[depth - 1] if depth else None
            yield LayerReferenced(
                layer, image, parent, Digest(f"sha256:{hexes('diff', layer)}"), None, 1000, layer[:26].upper()
            )


def operations(count: int) -> Iterator[Event]:
    """Events that make a history long and leave the graph as it is."""
    for number in range(count // 2):
        identity = OperationId(hexes("operation", number)[:16])
        yield OperationBegun(identity, "gc", {"plan": hexes("plan", number), "images": []})
        yield OperationCompleted(identity)
