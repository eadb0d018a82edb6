"""Syslog lines (RFC 5424) with structured data, one event a line.

    <110>1 TIME - storectl - TYPE [storectl@32473 position="…" leaf_hash="…" …] BOM WORDS

110 is facility "log audit", severity informational. 32473 is the enterprise number set aside for examples (RFC 5612):
storectl has none of its own.
"""

import re

from domain.bundle.rows import Document

_PRIORITY = 13 * 8 + 6
_BOM = "\ufeff"
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_FIELDS = ("position", "leaf_hash", "key", "store", "stream", "actor", "operation", "signature")


def line(document: Document, what: str) -> bytes:
    """One event. Control characters become U+FFFD: a name must not begin another line."""
    message_id = re.sub(r"[^!-~]", "?", document["type"])[:32] or "-"
    data = " ".join(f'{name}="{_value(str(document[name]))}"' for name in _FIELDS if document[name] != "")
    text = f"<{_PRIORITY}>1 {document['time']} - storectl - {message_id} [storectl@32473 {data}] {_BOM}{_clean(what)}\n"
    return text.encode()


def _value(text: str) -> str:
    """RFC 5424, 6.3.3: a backslash before each of these."""
    return re.sub(r'(["\\\]])', r"\\\1", _clean(text))


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
