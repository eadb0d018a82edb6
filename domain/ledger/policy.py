"""C2SP tlog-policy: which log keys are trusted, and which witnesses have to have cosigned.

log <vkey> [<url>]
witness <name> <vkey> [<url>]
group <name> all|any|<k> <name>…         names defined on earlier lines, each a member of one group at most
quorum <name>|none                       exactly one such line
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from domain.errors import BadInput, StoreError
from domain.ledger.checkpoint import parse_note
from domain.ledger.cosignature import WitnessKey, cosigned_at, parse_witness_vkey
from domain.ledger.keys import VerifierKey, Verify, parse_vkey

NONE = "none"
_MAX_BYTES = 1 << 20
_MAX_LINES = 10_000
_FORBIDDEN = re.compile(rb"[^\t\n\x20-\x7e\x80-\xff]")
_NUMBER = re.compile(r"[1-9][0-9]{0,5}")


@dataclass(frozen=True, slots=True)
class Group:
    """At least `least` of the members have to have witnessed."""

    least: int
    members: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Policy:
    """`logs` may be root keys, too (`<origin>/root`). `urls` are the witnesses' submission prefixes, by name."""

    logs: tuple[VerifierKey, ...]
    witnesses: Mapping[str, WitnessKey]
    groups: Mapping[str, Group]
    quorum: str
    urls: Mapping[str, str]

    def witnessed(self, note: str, verify: Verify) -> bool:
        """Whether the quorum has cosigned the checkpoint. The log's own signature is not looked at here.

        Raises BadInput for what is not a signed note.
        """
        if self.quorum == NONE:
            return True
        parsed = parse_note(note)
        held = {name: cosigned_at(parsed, key, verify) is not None for name, key in self.witnesses.items()}
        for name, group in self.groups.items():  # in their order: members come first
            held[name] = sum(held[member] for member in group.members) >= group.least
        return held[self.quorum]


@dataclass
class _Reading:
    logs: list[VerifierKey] = field(default_factory=list)
    witnesses: dict[str, WitnessKey] = field(default_factory=dict)
    groups: dict[str, Group] = field(default_factory=dict)
    urls: dict[str, str] = field(default_factory=dict)
    used: set[str] = field(default_factory=set)
    quorum: str = ""

    def log(self, vkey: str, url: str = "") -> None:  # noqa: ARG002 (the log itself is at hand)
        key = parse_vkey(vkey)
        if any(key.public_key == other.public_key for other in self.logs):
            raise BadInput("a second log with the same key")
        self.logs.append(key)

    def witness(self, name: str, vkey: str, url: str = "") -> None:
        key = parse_witness_vkey(vkey)
        self._require_new(name)
        if any(key.public_key == other.public_key for other in self.witnesses.values()):
            raise BadInput("a second witness with the same key")
        self.witnesses[name] = key
        if url:
            self.urls[name] = url

    def group(self, name: str, least: str, *members: str) -> None:
        self._require_new(name)
        for member in members:
            self._require_known(member)
            if member in self.used:
                raise BadInput(f"{member!r} is a member of a group already")
            self.used.add(member)
        words = {"all": len(members), "any": 1}
        number = words.get(least) or (int(least) if _NUMBER.fullmatch(least) else 0)
        if not 1 <= number <= len(members):
            raise BadInput(f"a group of {len(members)} cannot want {least!r} of them")
        self.groups[name] = Group(number, members)

    def decide(self, name: str) -> None:
        if self.quorum:
            raise BadInput("a second quorum line")
        if name != NONE:
            self._require_known(name)
        self.quorum = name

    def _require_new(self, name: str) -> None:
        if name == NONE or name in self.witnesses or name in self.groups:
            raise BadInput(f"the name {name!r} is taken")

    def _require_known(self, name: str) -> None:
        if name not in self.witnesses and name not in self.groups:
            raise BadInput(f"{name!r} is not defined above")


def parse_policy(data: bytes) -> Policy:
    """A policy file's content. Raises BadInput, naming the line; UnknownFormat for keys that cannot be checked."""
    if len(data) > _MAX_BYTES or _FORBIDDEN.search(data):
        raise BadInput("not a policy: too long, or with control characters")
    reading = _Reading()
    lines = data.decode("utf-8", "surrogateescape").split("\n")  # names are opaque octets
    for number, line in enumerate(lines[:_MAX_LINES], 1):
        words = [word for word in re.split(r"[ \t]+", line) if word]
        if words and not words[0].startswith("#"):
            _read_line(reading, number, words)
    if len(lines) > _MAX_LINES or not reading.quorum:
        raise BadInput("not a policy: it has no quorum line" if not reading.quorum else "not a policy: too many lines")
    return Policy(tuple(reading.logs), reading.witnesses, reading.groups, reading.quorum, reading.urls)


def _read_line(reading: _Reading, number: int, words: list[str]) -> None:
    keyword, *rest = words
    # How many words follow each keyword, and what takes them.
    known: dict[str, tuple[range, Callable[..., None]]] = {
        "log": (range(1, 3), reading.log),
        "witness": (range(2, 4), reading.witness),
        "group": (range(3, 1 << 16), reading.group),
        "quorum": (range(1, 2), reading.decide),
    }
    lengths, take = known.get(keyword, (range(0), reading.decide))
    if len(rest) not in lengths:
        raise BadInput(f"policy, line {number}: not a log, witness, group or quorum line: {' '.join(words)!r}"[:200])
    try:
        take(*rest)
    except StoreError as error:
        raise type(error)(f"policy, line {number}: {error.message}", hint=error.hint) from error
