"""What containers-storage itself cannot do: mend link names, and put whole layers in the place of damaged ones.

A layer's files lie in `overlay/<id>/diff`; `overlay/l/<link>` leads there, under a random name that the layers above,
in this store and in others, have written into their `lower` files. A layer that was deleted and came back has a new
name: the others find it again once the old name leads to it, too (drivers/overlay/overlay.go, `getLower`).
"""

import os
import time
from collections.abc import Iterator, Mapping, Sequence, Set
from pathlib import Path

from adapters.containers.records import read_blob, read_links
from domain.errors import Failed, StoreError
from domain.manifests import digest_of
from domain.store_view import StoredImage, StoreView
from domain.values import ImageId, LayerId

_QUARANTINE = "quarantine"
_ID_DIGITS = 64


def record_problems(root: Path, image: StoredImage) -> list[str]:
    """The manifest has to have one of the image's digests, the config the digest that is the image's id."""
    problems = []
    wanted = (("manifest", set(image.digests)), (f"sha256:{image.id}", {f"sha256:{image.id}"}))
    for key, digests in wanted:
        try:
            found = digest_of(read_blob(root, image.id, key))
        except StoreError as error:
            problems.append(error.message)
            continue
        if found not in digests:
            problems.append(f"its {'manifest' if key == 'manifest' else 'config'} is {found}, which is not its digest")
    return problems


def link_problems(root: Path, view: StoreView, links: Mapping[LayerId, Set[str]]) -> list[tuple[LayerId, str]]:
    """Every name has to lead to its layer, and every `lower` chain to the layers below, in their order."""
    present = read_links(root, view.layers)
    problems = [
        (layer, f"its link name {name} does not lead to it")
        for layer in view.layers
        for name in sorted(links.get(layer, set()) | {present[layer]} if layer in present else links.get(layer, set()))
        if leads_to(root, name) != layer
    ]
    problems += [(layer, "it has no link name") for layer in view.layers if layer not in present]
    return problems + list(_chain_problems(root, view))


def _chain_problems(root: Path, view: StoreView) -> Iterator[tuple[LayerId, str]]:
    for layer in view.layers:
        below = [each for each in reversed(view.chain(layer)) if each != layer]
        if not chain_fits(root, layer, below):
            yield layer, "its chain of lower layers does not lead to the layers below it"


def chain_fits(root: Path, layer: LayerId, below: Sequence[LayerId]) -> bool:
    """Whether the layer's `lower` file leads to exactly these layers, nearest first."""
    file = root / "overlay" / layer / "lower"
    try:
        names = file.read_text("ascii").strip().split(":") if file.exists() else []
    except (OSError, UnicodeDecodeError):
        return False
    return [leads_to(root, name.removeprefix("l/")) for name in names if name] == list(below)


def foreign_links(consumer: Path, owned: Path) -> dict[LayerId, tuple[LayerId, ...]]:
    """For each layer of the consumer: the owned store's layers that link names in its `lower` chain lead to.

    Names that lead to a layer of the consumer itself come first in the library's eyes, and do not count.
    """
    found: dict[LayerId, tuple[LayerId, ...]] = {}
    try:
        own = {entry.name for entry in os.scandir(consumer / "overlay/l")}
        directories = [entry.name for entry in os.scandir(consumer / "overlay") if len(entry.name) == _ID_DIGITS]
    except FileNotFoundError:
        return found
    for layer in directories:
        try:
            names = (consumer / "overlay" / layer / "lower").read_text("ascii").strip().split(":")
        except FileNotFoundError:
            continue  # a base layer has nothing below it
        except (OSError, UnicodeDecodeError) as error:
            raise Failed(f"cannot read {consumer}/overlay/{layer}/lower: {error}") from error
        missing = [name.removeprefix("l/") for name in names if name.removeprefix("l/") not in own]
        targets = [target for name in missing if name and (target := leads_to(owned, name)) is not None]
        if targets:
            found[LayerId(layer)] = tuple(map(LayerId, targets))
    return found


def leads_to(root: Path, name: str) -> str | None:
    """The layer that a link name leads to; None where it leads nowhere."""
    try:
        target = (root / "overlay/l" / name).readlink()
    except OSError:
        return None
    parts = target.parts
    fits = (
        len(parts) == 3 and parts[0] == ".." and parts[2] == "diff" and (root / "overlay" / parts[1] / "diff").is_dir()
    )
    return parts[1] if fits else None


def add_links(root: Path, links: Mapping[LayerId, Set[str]]) -> None:
    """Make each name lead to its layer. A name that leads to another layer that exists is left alone. Raises Failed."""
    try:
        for layer, names in links.items():
            for name in names:
                if leads_to(root, name) is None and (root / "overlay" / layer / "diff").is_dir():
                    link = root / "overlay/l" / name
                    link.unlink(missing_ok=True)
                    link.symlink_to(f"../{layer}/diff")
        _sync(root / "overlay/l")
    except OSError as error:
        raise Failed(f"cannot restore a link name: {error.filename}: {error.strerror}") from error


def swap_layers(source: Path, root: Path, image: ImageId, layers: Sequence[LayerId]) -> Path:
    """Put the layers' files, how their tars were put together, and what the store keeps of the image (its manifest and
    config) from one store into the other, by renaming.

    What was there is moved to a directory of its own below `quarantine/`, which is returned. Raises Failed.
    """
    kept = root.with_name(_QUARANTINE) / time.strftime("%Y%m%dT%H%M%SZ", time.gmtime())
    pieces = [(f"overlay/{layer}/diff", f"{layer}.diff") for layer in layers]
    pieces += [(f"overlay-layers/{layer}.tar-split.gz", f"{layer}.tar-split.gz") for layer in layers]
    try:
        kept.mkdir(parents=True, mode=0o700, exist_ok=True)
        records = root / "overlay-images" / image
        if records.is_dir():
            fetched = sorted((source / "overlay-images" / image).iterdir())
            pieces += [(f"overlay-images/{image}/{file.name}", f"{image}.{file.name}") for file in fetched]
        for layer in layers:
            (root / "overlay" / layer).mkdir(mode=0o700, exist_ok=True)
        for piece, name in pieces:
            if not (source / piece).exists():
                continue  # a crash came after its renaming
            if (root / piece).exists():
                (root / piece).rename(kept / name)
            (source / piece).rename(root / piece)
        touched = {(root / piece).parent for piece, _ in pieces}
        for directory in (*sorted(touched), root / "overlay", kept, kept.parent, root.parent):
            _sync(directory)
    except OSError as error:
        raise Failed(f"cannot put layer files in place: {error.filename}: {error.strerror}") from error
    return kept


def _sync(directory: Path) -> None:
    descriptor = os.open(directory, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
