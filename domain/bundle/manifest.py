"""What a bundle consists of, and what it says about itself. Everything in the manifest follows from the evidence, so
that a verifier makes it anew and compares: nothing in it has to be believed.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from domain.bundle.rows import Document, time_text
from domain.ledger.checkpoint import Checkpoint

FORMAT = "storectl-bundle/1"

MANIFEST = "manifest.json"
CHECKPOINT = "checkpoint"
KEYS = "keys.jsonl"
PROOF = "proof"
RECORDS = "records"
EVENTS = "events.jsonl"
ANCHORS = "anchors.jsonl"
SAMPLE = "event"
SAMPLE_PROOF = "event.tlog-proof"
SAMPLE_SPICY = "event.spicy"
REPORT = "report.html"
GUIDE = "VERIFY.md"
MEMBERS = (
    CHECKPOINT, KEYS, PROOF, RECORDS, EVENTS, ANCHORS, SAMPLE, SAMPLE_PROOF, SAMPLE_SPICY, REPORT, GUIDE, MANIFEST,
)  # fmt: skip
"""Every bundle has these, in this order, and nothing else. The manifest is last: it has the others' hashes."""

MAX_SMALL = 1 << 20  # bytes of a file that is read whole: manifest, checkpoint, proofs of the sample
MAX_LINE = 1 << 18  # bytes of a line in keys.jsonl, anchors.jsonl and an inclusion proof
MAX_KEY_EVENTS = 10_000
MAX_ANCHORS = 10_000
MAX_HASHES = 128  # of a range proof: twice the height of the highest tree

Proves = Literal["completeness", "inclusion"]

_STATEMENTS: Mapping[Proves, str] = {
    "completeness": "every event of the range is here, with its neighbours: nothing in between was left out",
    "inclusion": "inclusion, not completeness: each event here is in the log; others that fit may have been left out",
}


class Member(NamedTuple):
    """Size in bytes and SHA-256 (hex) of one file of the bundle."""

    bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Filters:
    """What an inclusion bundle was narrowed to; empty: everything. `operation` is a prefix, `target` a whole id."""

    target: str | None = None
    types: tuple[str, ...] = ()
    operation: str | None = None
    actor: str | None = None

    def as_json(self) -> dict[str, object]:
        said = {"target": self.target, "types": list(self.types), "operation": self.operation, "actor": self.actor}
        return {name: value for name, value in said.items() if value}

    @classmethod
    def from_json(cls, said: object) -> "Filters":
        """The reverse. Raises ValueError."""
        if type(said) is not dict or not said.keys() <= {"target", "types", "operation", "actor"}:
            raise ValueError("the filters are not an object of target, types, operation and actor")
        types = said.get("types", [])
        texts = [said.get(name) for name in ("target", "operation", "actor")]
        if type(types) is not list or not all(type(name) is str for name in types):
            raise ValueError("the filter's types are not a list of names")
        if not all(text is None or type(text) is str for text in texts):
            raise ValueError("a filter is not text")
        return cls(texts[0], tuple(types), texts[1], texts[2])

    def takes(self, document: Document) -> bool:
        """Whether an event, as events.jsonl has it, is one that was asked for."""
        return (
            (not self.types or document["type"] in self.types)
            and (self.operation is None or document["operation"].startswith(self.operation))
            and (self.actor is None or document["actor"] == self.actor)
            and (self.target is None or _mentions(document["data"], self.target))
        )

    def words(self) -> tuple[str, ...]:
        """For people: `actor root`, `type ImagePruned`."""
        texts = [("target", self.target), ("operation", self.operation), ("actor", self.actor)]
        return (*(f"{name} {text}" for name, text in texts if text), *(f"type {name}" for name in self.types))

    def __bool__(self) -> bool:
        return self != Filters()


def _mentions(data: object, target: str) -> bool:
    if isinstance(data, dict):
        return any(_mentions(value, target) for value in data.values())
    if isinstance(data, list):
        return any(_mentions(value, target) for value in data)
    return data == target


@dataclass
class Coverage:
    """What the records add up to, gathered one by one.

    For `completeness` the records are the range with a neighbour on each side, where the log has one; `before` and
    `after` are those neighbours' times (µs). `first` and `last` are positions of the range; `last` is smaller than
    `first` where it is empty.
    """

    proves: Proves
    size: int
    first: int = 0
    last: int = 0
    count: int = 0
    before: int | None = None
    after: int | None = None


@dataclass(frozen=True, slots=True)
class Facts:
    """What the manifest says, except for the files' hashes."""

    store: str
    checkpoint: Checkpoint
    coverage: Coverage
    filters: Filters = field(default_factory=Filters)


def manifest(facts: Facts, files: Mapping[str, Member]) -> bytes:
    """The one manifest of a bundle with these facts and files."""
    coverage = facts.coverage
    document = {
        "format": FORMAT,
        "proves": coverage.proves,
        "statement": _STATEMENTS[coverage.proves],
        "origin": facts.checkpoint.origin,
        "store": facts.store,
        "checkpoint": {"size": facts.checkpoint.size, "root_hash": facts.checkpoint.root_hash.hex()},
        "range": range_json(coverage),
        "filters": facts.filters.as_json(),
        "files": {name: {"bytes": files[name].bytes, "sha256": files[name].sha256} for name in MEMBERS[:-1]},
    }
    return json.dumps(document, indent=1, ensure_ascii=False).encode() + b"\n"


def range_json(coverage: Coverage) -> dict[str, object]:
    """Positions; and the times between which a complete range is complete: null is the log's beginning, or its end."""
    said: dict[str, object] = {"first": coverage.first, "last": coverage.last, "count": coverage.count}
    if coverage.proves == "completeness":
        said["after"] = None if coverage.before is None else time_text(coverage.before)
        said["before"] = None if coverage.after is None else time_text(coverage.after)
    return said


def statement(proves: Proves) -> str:
    """What a bundle shows, in one sentence; it stands in the manifest, the report and the verdict."""
    return _STATEMENTS[proves]
