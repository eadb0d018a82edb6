"""Adds a golden payload for each kind and schema that has none yet. What is there is never changed.

Run as `python -m tests.vectors.generate_event_vectors` from the project's root.
"""

import json
import types
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints

from domain.events.base import type_name
from domain.events.codec import draft
from domain.events.registry import BY_KIND

GOLDEN = Path(__file__).parent / "events/golden.json"


def example(shape: Any, name: str = "") -> Any:
    """One value of a type, the same each time; fields of one name get one value."""
    shape = getattr(shape, "__supertype__", shape)
    origin = get_origin(shape)
    if isinstance(shape, type) and is_dataclass(shape):
        hints = get_type_hints(shape)
        return shape(**{field.name: example(hints[field.name], field.name) for field in fields(shape)})
    if origin in (Union, types.UnionType):
        return example(next(arg for arg in get_args(shape) if arg is not types.NoneType), name)
    if origin is tuple:
        return (example(get_args(shape)[0], name),)
    if origin is Literal:
        return get_args(shape)[0]
    return {str: name, int: len(name), bool: True, bytes: name.encode().ljust(32, b".")}.get(
        shape, {"key": ["value", 1, None]}
    )


def main() -> None:
    golden: dict[str, Any] = json.loads(GOLDEN.read_text()) if GOLDEN.exists() else {}
    for event in BY_KIND.values():
        made = draft(example(event))
        golden.setdefault(
            f"{event.kind}/{event.schema}",
            {"type": type_name(event), "stream": made.stream, "payload": made.payload.hex()},
        )
    GOLDEN.parent.mkdir(exist_ok=True)
    GOLDEN.write_text(json.dumps(dict(sorted(golden.items())), indent=1) + "\n")


if __name__ == "__main__":
    main()
