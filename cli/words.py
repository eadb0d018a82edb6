"""Words that several commands use."""

from collections.abc import Mapping


def deployment_marks(row: Mapping[str, object]) -> str:
    """What a deployment is at the moment: `default`, `booted`, `staged`, `rollback`, `pinned`."""
    marks = ["default"] if row["index"] == 0 else []
    marks += [mark for mark in ("booted", "staged", "rollback", "pinned") if row[mark]]
    return ", ".join(marks) or "-"
