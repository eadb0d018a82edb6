"""OCSF 1.5.0, class Entity Management (3004): an event as SIEMs take it in, one JSON object a line.

The schema: https://schema.ocsf.io/1.5.0/classes/entity_management. What it has no place for is under `unmapped`.
"""

import json
from typing import NamedTuple

from domain.bundle.rows import Document

VERSION = "1.5.0"
_CLASS, _CATEGORY = 3004, 3
_INFORMATIONAL, _SUCCESS, _FAILURE = 1, 1, 2


class _Activity(NamedTuple):
    number: int
    name: str


_CREATE, _READ, _UPDATE, _DELETE = (
    _Activity(1, "Create"), _Activity(2, "Read"), _Activity(3, "Update"), _Activity(4, "Delete"),
)  # fmt: skip
_OTHER = _Activity(99, "Other")
_BY_LAST_WORD = {
    **dict.fromkeys(("initialised", "created", "pulled", "deployed", "bound", "granted", "set", "added"), _CREATE),
    **dict.fromkeys(("observed", "exported", "found", "published"), _READ),
    **dict.fromkeys(
        ("named", "rolled-back", "reordered", "pinned", "unpinned", "healed", "sealed", "rotated"), _UPDATE
    ),
    **dict.fromkeys(("pruned", "removed", "unbound", "lost", "gone", "released", "revoked"), _DELETE),
}


def line(document: Document, what: str, time_us: int) -> bytes:
    """One event. `time` is in milliseconds, as OCSF has it; the microseconds are in `metadata.original_time`."""
    subject, _, word = document["kind"].rpartition(".")
    activity = _BY_LAST_WORD.get(word, _OTHER)
    _, _, identity = document["stream"].partition("/")
    said = {
        "activity_id": activity.number,
        "activity_name": activity.name if activity is not _OTHER else document["type"],
        "actor": {"user": {"name": document["actor"]}},
        "category_name": "Identity & Access Management",
        "category_uid": _CATEGORY,
        "class_name": "Entity Management",
        "class_uid": _CLASS,
        "entity": {
            "data": document["data"], "name": identity or document["stream"], "type": subject,
            "uid": identity or document["store"],
        },
        "message": what,
        "metadata": {
            "event_code": document["type"], "log_name": document["store"], "original_time": document["time"],
            "product": {"name": "storectl", "vendor_name": "storectl"}, "sequence": document["position"],
            "uid": document["leaf_hash"], "version": VERSION,
        },
        "severity": "Informational",
        "severity_id": _INFORMATIONAL,
        "status": "Failure" if word in ("failed", "aborted") else "Success",
        "status_id": _FAILURE if word in ("failed", "aborted") else _SUCCESS,
        "time": time_us // 1000,
        "type_name": f"Entity Management: {activity.name}",
        "type_uid": _CLASS * 100 + activity.number,
        "unmapped": {
            "key": document["key"], "leaf_hash": document["leaf_hash"], "operation": document["operation"],
            "position": document["position"], "schema": document["schema"], "signature": document["signature"],
            "stream": document["stream"], "stream_version": document["stream_version"],
        },
    }  # fmt: skip
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"
