"""Mending what leads to a layer's files: its directory, its link name, and its `lower` chain.

All of it follows from the records and the recorded link names, so nothing has to be fetched. Layout:
containers/storage, `drivers/overlay/overlay.go`: `link` holds the layer's own name, `lower` the names of all layers
below it, nearest first.
"""

import os
import secrets
import string
from collections.abc import Mapping, Set
from pathlib import Path

from adapters.containers.layer_surgery import add_links, chain_fits, leads_to
from adapters.containers.records import read_links
from adapters.files.replacing import sync_directory
from domain.errors import Failed
from domain.store_view import StoreView
from domain.values import LayerId

_NAME_LENGTH = 26
_NAME_LETTERS = string.ascii_uppercase + string.digits


def mend_layers(root: Path, view: StoreView, links: Mapping[LayerId, Set[str]]) -> None:
    """Let every recorded name lead to its layer again, and give each layer a name and a chain that fit. Raises Failed.

    Idempotent; a layer without files is left alone: those have to be fetched.
    """
    whole = [layer for layer in view.layers if (root / "overlay" / layer / "diff").is_dir()]
    add_links(root, {layer: names for layer, names in links.items() if layer in view.layers})
    try:
        named = read_links(root, whole)
        for layer in whole:
            name = named.get(layer)
            if name is None or leads_to(root, name) not in (None, layer):
                usable = sorted(each for each in links.get(layer, ()) if leads_to(root, each) == layer)
                name = usable[0] if usable else "".join(secrets.choice(_NAME_LETTERS) for _ in range(_NAME_LENGTH))
                _replace(root / "overlay" / layer / "link", name)
            add_links(root, {layer: {name}})
            named[layer] = name
        for layer in whole:
            below = [each for each in reversed(view.chain(layer)) if each != layer]
            if not chain_fits(root, layer, below) and all(each in named for each in below):
                (root / "overlay" / layer / "work").mkdir(mode=0o700, exist_ok=True)
                _replace(root / "overlay" / layer / "lower", ":".join(f"l/{named[each]}" for each in below))
    except OSError as error:
        raise Failed(f"cannot mend a layer's link name or chain: {error.filename}: {error.strerror}") from error


def _replace(path: Path, text: str) -> None:
    """On disk, whole or not at all, when this returns."""
    aside = path.with_name(f".{path.name}.storectl")
    with aside.open("w", encoding="ascii") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    aside.replace(path)
    sync_directory(path.parent)
