"""Words that several commands use."""

from collections.abc import Mapping

from domain.graph import Hold, ReferenceGraph
from domain.times import format_time
from domain.values import ImageId


def deployment_marks(row: Mapping[str, object]) -> str:
    """What a deployment is at the moment: `default`, `booted`, `staged`, `rollback`, `pinned`."""
    marks = ["default"] if row["index"] == 0 else []
    marks += [mark for mark in ("booted", "staged", "rollback", "pinned") if row[mark]]
    return ", ".join(marks) or "-"


def kept_beside_deployments(graph: ReferenceGraph, image: ImageId, now_us: int) -> list[str]:
    """What keeps an image that no deployment binds, for people; empty where a deployment binds it."""
    holds = graph.holds_on_image(image, now_us)
    if any(hold.key.kind == "deployment" for hold in holds):
        return []
    holds += [hold for layer in graph.images[image].layers for hold in graph.holds_on_layer(layer, now_us)]
    return list(dict.fromkeys(map(_hold_words, holds))) or ["garbage, but not for long enough"]


def _hold_words(hold: Hold) -> str:
    kind, owner, name = hold.key
    if kind == "consumer":
        return f"{name.partition(':')[0]} {hold.name} of {owner or 'this store'}"
    until = f" until {format_time(hold.until_us)}" if hold.until_us is not None else ""
    if kind == "pin":
        return f"pin{f' ({hold.name})' if hold.name else ''}{until}"
    return f"{kind} {owner}{until}"
