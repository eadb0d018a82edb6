"""CSV (RFC 4180) that a spreadsheet shows and does not carry out."""

import json
import re
from collections.abc import Iterable

from domain.bundle.rows import Document

COLUMNS = (
    "position", "time", "type", "actor", "operation", "what", "data", "stream", "store", "key", "leaf_hash",
    "signature",
)  # fmt: skip

# What makes a cell a formula, also behind blanks and quotes, which some programs take away first; the full-width forms
# count, too, in some of them.
_FORMULA = re.compile(r"[\s\"'\u00a0\ufeff]*[=+\-@\t\r\uff1d\uff0b\uff0d\uff20]")


def heading() -> bytes:
    return _line(COLUMNS)


def row(document: Document, what: str) -> bytes:
    """One event. A cell that a spreadsheet would take for a formula begins with an apostrophe."""
    cells = {**document, "what": what, "data": json.dumps(document["data"], ensure_ascii=False)}
    return _line([harmless(str(cells[name])) for name in COLUMNS])


def harmless(cell: str) -> str:
    """The cell as text, whatever it begins with."""
    return f"'{cell}" if _FORMULA.match(cell) else cell


def _line(cells: Iterable[str]) -> bytes:
    return (",".join('"' + cell.replace('"', '""') + '"' for cell in cells) + "\r\n").encode()
