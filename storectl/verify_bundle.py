#!/usr/bin/env python3
"""Checks a bundle that `storectl audit export` wrote: one file, on its own, without storectl, a network or a store.

    python3 verify_bundle.py BUNDLE --key VKEY [--against CHECKPOINT] [--policy FILE] [--json]

Needs Python 3.11 with the packages cryptography and msgpack. Written from docs/reference/bundle-format.md and
log-format.md, and sharing no code with storectl, so that the two check each other.

Exit 0: everything holds. 3: something does not. 7: it could not be checked (no key, another log's key, a newer format,
events that nobody can be held to). 1: the file cannot be read. 2: the command line is wrong.

Nothing is unpacked. Every byte of a bundle follows from its evidence (the checkpoint, the records and the proofs), so
everything else in it (manifest, events.jsonl, report.html …) is made anew here and compared.
"""

import argparse
import base64
import hashlib
import json
import math
import os
import re
import sys
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from html import escape
from itertools import islice
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import msgpack
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

FORMAT = "storectl-bundle/1"
MEMBERS = (
    "checkpoint", "keys.jsonl", "proof", "records", "events.jsonl", "anchors.jsonl", "event", "event.tlog-proof",
    "event.spicy", "report.html", "VERIFY.md", "manifest.json",
)  # fmt: skip
MAX_SMALL, MAX_LINE, MAX_KEY_EVENTS, MAX_ANCHORS, MAX_HASHES, MAX_FINDINGS = 1 << 20, 1 << 18, 10_000, 10_000, 128, 100
MAX_NOTE, MAX_NOTE_LINES, MAX_DEPTH, MAX_ROWS = 65_536, 64, 32, 10_000
MAX_INTEGER = 2**63 - 2
# The parts of report.html and VERIFY.md that are the same in every bundle: length and SHA-256.
HEAD = (1933, "ba007b70016dde66ae1dba895c24c44f1801662beca28b37c8a1d408b6f91373")
TABLE = (655, "5a41a85d33f62a54c137df9658fa0d62ec3b021d9e975dd77d3708105d60cc48")
TAIL = (1278, "6fa6a4e0f64dcb9f639e89b076bd78b928821549b0442b185ac19173fe7945c0")
GUIDE = (3896, "a516035247474c22bf1caf2d3494b9a83150b4389fcf8529f73950726595fab8")
STATEMENTS = {
    "completeness": "every event of the range is here, with its neighbours: nothing in between was left out",
    "inclusion": "inclusion, not completeness: each event here is in the log; others that fit may have been left out",
}
EVENT_TYPE = b"application/vnd.storectl.event.v1+msgpack"
KEY_KINDS = ("store.initialised", "key.added", "key.rotated", "key.revoked")
STATEMENT_TYPE = b"application/vnd.storectl.key-statement.v1+msgpack"


class Wrong(Exception):
    """Something does not hold, at a position or (None) as a whole."""

    def __init__(self, problem: str, position: int | None = None) -> None:
        super().__init__(problem)
        self.problem, self.position = problem, position


class Unknown(Wrong):
    """It cannot be checked: that is no tampering, and not verified either."""


# The container: an uncompressed ustar whose every header is the one that its name and size give.


class Member:
    """One file of the bundle, read from its beginning."""

    def __init__(self, file: BinaryIO, name: str, at: int, size: int) -> None:
        self.file, self.name, self.at, self.size, self.left = file, name, at, size, size

    def read(self, count: int) -> bytes:
        self.file.seek(self.at)
        data = self.file.read(min(count, self.left))
        self.at += len(data)
        self.left -= len(data)
        return data

    def lines(self, limit: int = MAX_LINE) -> Iterator[bytes]:
        while self.left:
            self.file.seek(self.at)
            line = self.file.readline(min(limit + 1, self.left))
            self.at += len(line)
            self.left -= len(line)
            if not line.endswith(b"\n"):
                raise Wrong(f"{self.name}: a line is too long, or the last one has no end")
            yield line[:-1]

    def expect(self, data: bytes, position: int | None = None) -> None:
        if self.read(len(data)) != data:
            raise Wrong(f"{self.name} does not say what the evidence says", position)

    def expect_hashed(self, part: tuple[int, str]) -> None:
        if hashlib.sha256(self.read(part[0])).hexdigest() != part[1]:
            raise Wrong(f"{self.name} has text that does not belong there")

    def end(self) -> None:
        if self.left:
            raise Wrong(f"{self.name} goes on after its end")


def tar_header(name: str, size: int) -> bytes:
    block = (
        name.encode().ljust(100, b"\0") + b"0000644\0" + b"0000000\0" * 2 + b"%011o\0" % size + b"00000000000\0"
        + b" " * 8 + b"0" + bytes(100) + b"ustar\x0000" + b"root".ljust(32, b"\0") * 2 + b"0000000\0" * 2 + bytes(167)
    )  # fmt: skip
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]


class Bundle:
    def __init__(self, file: BinaryIO) -> None:
        self.file = file
        self.places: dict[str, tuple[int, int]] = {}
        length, at = os.fstat(file.fileno()).st_size, 0
        for name in MEMBERS:
            file.seek(at)
            block = file.read(512)
            size = int(block[124:135], 8) if re.fullmatch(rb"[0-7]{11}", block[124:135]) else -1
            if size < 0 or block != tar_header(name, size):
                raise Wrong(f"it is not a bundle: at byte {at} there is no header of {name}")
            self.places[name] = (at + 512, size)
            padding = -size % 512
            if at + 512 + size + padding + 1024 > length:
                raise Wrong(f"the bundle is cut short: {name} takes {size} bytes")
            file.seek(at + 512 + size)
            if any(file.read(padding)):
                raise Wrong(f"there is something behind {name} that belongs to no file")
            at += 512 + size + padding
        file.seek(at)
        if length != at + 1024 or any(file.read(1024)):
            raise Wrong("the bundle does not end after its last file")

    def open(self, name: str) -> Member:
        return Member(self.file, name, *self.places[name])

    def small(self, name: str) -> bytes:
        if self.places[name][1] > MAX_SMALL:
            raise Wrong(f"{name} is too large")
        return self.open(name).read(MAX_SMALL)

    def sha256(self, name: str) -> str:
        digest, member = hashlib.sha256(), self.open(name)
        while data := member.read(1 << 20):
            digest.update(data)
        return digest.hexdigest()


# Bytes: base64, records, bodies


def unbase64(text: object) -> bytes:
    try:
        data = base64.b64decode(text, validate=True) if type(text) is str else None
    except ValueError:
        data = None
    if data is None or base64.b64encode(data).decode() != text:
        raise Wrong("something that has to be base64 is not, or not in its one form")
    return data


def text64(data: bytes) -> str:
    return base64.b64encode(data).decode()


class Event(NamedTuple):
    record: bytes
    leaf: bytes
    body: bytes
    key_id: bytes
    signature: bytes
    origin: str
    at: int  # the index, from 0
    prev: bytes
    stream: str
    stream_version: int
    kind: str
    schema: int
    time_us: int
    actor: str
    operation: str
    payload: bytes


FIELDS = (int, str, int, bytes, str, int, str, int, int, str, str, bytes)
LIMITS = {1: (1, 255), 4: (1, 512), 6: (1, 128), 9: (1, 512), 10: (0, 128)}


def parse_event(record: bytes, where: int | None) -> Event:
    """A record that is the one encoding of itself, as log-format.md has it."""
    parts = unpack(record, where)
    if type(parts) is not list or [type(part) for part in parts] != [bytes] * 3:
        raise Wrong("its record is not an array of three byte strings", where)
    if len(parts[1]) != 4 or len(parts[2]) != 64 or len(record) > 65_535:
        raise Wrong("its record's key id or signature has the wrong length, or it is too long", where)
    body = unpack(parts[0], where)
    if type(body) is not list or not body or type(body[0]) is not int:
        raise Wrong("its body is not an array that begins with a version", where)
    if body[0] != 1:
        raise Unknown(f"its body has version {body[0]}, this program knows 1", where)
    if tuple(map(type, body)) != FIELDS:
        raise Wrong("its body has not the twelve fields of its version", where)
    for at, (least, most) in LIMITS.items():
        if not least <= len(body[at].encode()) <= most or re.search(r"[\x00-\x1f\x7f]", body[at]):
            raise Wrong("a text of its body is too short, too long, or holds a control character", where)
    numbers = (body[2], body[5], body[8])
    if min(numbers) < 0 or max(numbers) > MAX_INTEGER or not 1 <= body[7] <= 65_535 or len(body[3]) != 32:
        raise Wrong("a number of its body is out of range, or its prev is not 32 bytes", where)
    leaf = hashlib.sha256(b"\0" + record).digest()
    return Event(record, leaf, *parts, *body[1:])


def unpack(data: bytes, where: int | None) -> Any:
    try:
        value = msgpack.unpackb(data, raw=False, max_array_len=12, max_map_len=0, max_ext_len=0)
        if msgpack.packb(value, use_bin_type=True) == data:
            return value
    except (ValueError, TypeError, OverflowError, msgpack.UnpackException) as error:
        raise Wrong(f"its bytes are not MessagePack: {error or type(error).__name__}", where) from None
    raise Wrong("it is not in its canonical encoding", where)


def pae(kind: bytes, data: bytes) -> bytes:
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind, len(data), data)


def signed_by(key: bytes, signature: bytes, data: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, data)
    except (InvalidSignature, ValueError):
        return False
    return True


# The tree: RFC 6962, section 2.1


def node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\1" + left + right).digest()


def split(left: int, right: int) -> int:
    return left + int(1 << ((right - left - 1).bit_length() - 1))


def included(leaf: bytes, index: int, size: int, path: list[bytes], root: bytes) -> bool:
    """The recursive definition of PATH, turned round: who stands where follows from index and size alone."""
    if not 0 <= index < size:
        return False
    turns, left, right = [], 0, size
    while right - left > 1:
        middle = split(left, right)
        turns.append(index >= middle)
        left, right = (middle, right) if index >= middle else (left, middle)
    if len(path) != len(turns):
        return False
    for sibling, on_the_right in zip(path, reversed(turns), strict=True):
        leaf = node(sibling, leaf) if on_the_right else node(leaf, sibling)
    return leaf == root


def consistent(old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """SUBPROOF of RFC 6962, 2.1.2, turned round: both roots are made from the proof."""
    if not 0 < old <= size:
        return False
    hashes = iter(proof)

    def both(left: int, right: int, whole: bool) -> tuple[bytes, bytes]:
        if old == right:
            return (old_root, old_root) if whole else (known := next(hashes), known)
        middle = split(left, right)
        if old <= middle:
            old_part, new_part = both(left, middle, whole)
            return old_part, node(new_part, next(hashes))
        old_part, new_part = both(middle, right, False)
        first = next(hashes)
        return node(first, old_part), node(first, new_part)

    try:
        made = both(0, size, True)
    except StopIteration:
        return False
    return made == (old_root, root) and next(hashes, None) is None


class Grown:
    """Leaves added one by one; the roots of the complete subtrees, the largest first."""

    def __init__(self, size: int = 0, nodes: list[bytes] | None = None) -> None:
        self.size, self.nodes = size, nodes or []

    def add(self, leaf: bytes) -> None:
        size = self.size
        while size & 1:
            leaf, size = node(self.nodes.pop(), leaf), size >> 1
        self.nodes.append(leaf)
        self.size += 1

    def root(self) -> bytes:
        nodes = list(self.nodes)
        root = nodes.pop()
        while nodes:
            root = node(nodes.pop(), root)
        return root


def root_with(start: int, stop: int, size: int, leaf: Callable[[], bytes], proof: list[bytes]) -> bytes:
    """The root of the tree whose leaves [start, stop) come from `leaf` and whose other parts come from the proof."""
    outside = iter(proof)

    def part(left: int, right: int) -> bytes:
        if right <= start or left >= stop:
            return next(outside)
        if start <= left and right <= stop:
            grown = Grown()
            for _ in range(right - left):
                grown.add(leaf())
            return grown.root()
        middle = split(left, right)
        first = part(left, middle)
        return node(first, part(middle, right))

    try:
        root = part(0, size)
    except StopIteration:
        raise Wrong("the range proof has too few hashes") from None
    if next(outside, None) is not None:
        raise Wrong("the range proof has too many hashes")
    return root


# Signed notes (C2SP signed-note, tlog-checkpoint, tlog-cosignature) and verifier keys


def key_id(name: str, key: bytes, algorithm: bytes = b"\1") -> bytes:
    return hashlib.sha256(name.encode() + b"\n" + algorithm + key).digest()[:4]


class VerifierKey(NamedTuple):
    name: str
    id: bytes
    algorithm: bytes
    key: bytes


def parse_vkey(text: str) -> VerifierKey:
    """Raises ValueError."""
    name, _, rest = text.strip().partition("+")
    identity, _, encoded = rest.partition("+")
    try:
        data = unbase64(encoded)
    except Wrong:
        data = b""
    if not name or re.search(r"[\s+]", name) or len(data) != 33 or data[:1] not in (b"\1", b"\4"):
        raise ValueError(f"not a verifier key: {text!r}")
    if key_id(name, data[1:], data[:1]).hex() != identity:
        raise ValueError(f"the verifier key of {name} is damaged")
    return VerifierKey(name, bytes.fromhex(identity), data[:1], data[1:])


class Note(NamedTuple):
    """A checkpoint as a signed note: `text` is what is signed, `lines` are (name, key id, signature)."""

    text: str
    lines: list[tuple[str, bytes, bytes]]
    origin: str
    size: int
    root: bytes


def parse_note(data: bytes) -> Note:
    try:
        whole = data.decode()
    except UnicodeDecodeError:
        raise Wrong("a checkpoint is not UTF-8") from None
    text, blank, tail = whole.rpartition("\n\n")
    if len(whole) > MAX_NOTE or re.search(r"[\x00-\x09\x0b-\x1f\x7f]", whole) or not blank or not tail.endswith("\n"):
        raise Wrong("a checkpoint is not a signed note")
    rows = tail[:-1].split("\n")
    lines = []
    for row in rows:
        name, space, encoded = row.removeprefix("\u2014 ").partition(" ")
        if not row.startswith("\u2014 ") or not space or not name or re.search(r"[\s+]", name):
            raise Wrong("a checkpoint has a line that is no signature")
        signature = unbase64(encoded)
        if len(signature) <= 4:
            raise Wrong("a checkpoint has a signature that is too short")
        lines.append((name, signature[:4], signature[4:]))
    head = text.split("\n")
    if len(head) != 3 or len(rows) > MAX_NOTE_LINES or not head[0] or not re.fullmatch(r"0|[1-9][0-9]{0,18}", head[1]):
        raise Wrong("a checkpoint is not three lines: origin, size, root hash")
    root = unbase64(head[2])
    if len(root) != 32:
        raise Wrong("a checkpoint's root hash is not 32 bytes")
    return Note(f"{text}\n", lines, head[0], int(head[1]), root)


def note_signed(note: Note, name: str, key: bytes) -> bool:
    """Whether that key signed it: at least one line under its name and id, and every such line holds."""
    ours = [line[2] for line in note.lines if line[:2] == (name, key_id(name, key))]
    return bool(ours) and all(signed_by(key, signature, note.text.encode()) for signature in ours)


def cosigned(note: Note, witness: VerifierKey) -> bool:
    for name, identity, signature in note.lines:
        if (name, identity) == witness[:2] and len(signature) == 72:
            time = int.from_bytes(signature[:8], "big")
            message = f"cosignature/v1\ntime {time}\n{note.text}".encode()
            if time < 2**63 and signed_by(witness.key, signature[8:], message):
                return True
    return False


class Policy(NamedTuple):
    """C2SP tlog-policy: the logs' keys, and for each name how many of which others it takes."""

    logs: list[VerifierKey]
    witnesses: dict[str, VerifierKey]
    groups: dict[str, tuple[int, list[str]]]
    quorum: str

    def satisfied(self, name: str, by: set[str]) -> bool:
        if name in self.groups:
            least, members = self.groups[name]
            return sum(self.satisfied(member, by) for member in members) >= least
        return name == "none" or name in by


def parse_policy(data: bytes) -> Policy:
    """Raises ValueError, naming the line."""
    policy, used = Policy([], {}, {}, ""), set[str]()
    if re.search(rb"[\x00-\x08\x0b-\x1f\x7f]", data):
        raise ValueError("the policy holds control characters")
    for number, line in enumerate(data.decode("utf-8", "surrogateescape").split("\n"), 1):
        words = re.split(r"[ \t]+", line.strip(" \t"))
        known = policy.witnesses.keys() | policy.groups.keys()
        if words == [""] or words[0].startswith("#"):
            continue
        if words[0] == "log" and len(words) in (2, 3):
            key = parse_vkey(words[1])
            if key.algorithm != b"\1" or any(key.key == other.key for other in policy.logs):
                raise ValueError(f"line {number} of the policy: a log key of another kind, or twice")
            policy.logs.append(key)
        elif words[0] == "witness" and len(words) in (3, 4) and words[1] not in known | {"none"}:
            key = parse_vkey(words[2])
            if key.algorithm != b"\4" or any(key.key == other.key for other in policy.witnesses.values()):
                raise ValueError(f"line {number} of the policy: a witness key of another kind, or twice")
            policy.witnesses[words[1]] = key
        elif words[0] == "group" and len(words) > 3 and words[1] not in known | {"none"}:
            members = words[3:]
            counts = {"any": "1", "all": str(len(members))}.get(words[2], words[2])
            if not set(members) <= known or used & set(members) or len(set(members)) != len(members):
                raise ValueError(f"line {number} of the policy: a member that is not defined before it, or used twice")
            if not re.fullmatch("[1-9][0-9]{0,5}", counts) or int(counts) > len(members):
                raise ValueError(f"line {number} of the policy: {words[2]!r} of {len(members)} members")
            used |= set(members)
            policy.groups[words[1]] = (int(counts), members)
        elif words[0] == "quorum" and len(words) == 2 and not policy.quorum and words[1] in known | {"none"}:
            policy = policy._replace(quorum=words[1])
        else:
            raise ValueError(f"line {number} of the policy makes no sense: {line[:80]!r}")
    if not policy.quorum:
        raise ValueError("the policy has no quorum line")
    return policy


# Keys: which may sign what, as the log's own events say


class Span:
    """One key's time: of indexes (event keys) or sizes (log keys), both ends included; `last` None: still in force."""

    def __init__(self, key: bytes, since: int, first: int, by: bytes | None = None) -> None:
        self.key, self.since, self.first, self.by = key, since, first, by
        self.last: int | None = None
        self.revoked: int | None = None
        self.reason = ""


def need(holds: bool, problem: str) -> None:
    if not holds:
        raise Wrong(problem)


class Keys:
    def __init__(self) -> None:
        self.store = self.origin = ""
        self.root: bytes | None = None
        self.spans: dict[str, list[Span]] = {"log": [], "event": []}
        self.certified: set[str] = set()
        self.changes = 0
        self.newer = False  # a change of keys that this program does not know was met

    def name(self, role: str) -> str:
        return self.origin if role == "log" else f"{self.origin}/event"

    def learn(self, event: Event) -> None:
        """Take in the first event, or one that is about keys. Raises Wrong, Unknown."""
        where = event.at + 1
        fields = self.fields(event.payload, where)
        if not event.at:
            self.begin(event, fields)
            return
        if event.stream != "keys" or event.stream_version != self.changes:
            raise Wrong("a change of keys is missing before it, or it stands in another stream", where)
        self.changes += 1
        if event.kind not in KEY_KINDS[1:] or event.schema != 1:
            self.newer = True
            raise Unknown("it changes keys in a way that this program does not know", where)
        if fields.get("role") not in ("log", "event"):
            raise Wrong("it changes a key of an unknown role", where)
        try:
            self.change(event.at, event.kind, fields["role"], fields)
        except (KeyError, TypeError) as error:
            raise Wrong(f"it lacks a field: {error}", where) from None
        except Wrong as problem:
            raise Wrong(f"it says of a key what the log must not say: {problem.problem}", where) from None

    def fields(self, payload: bytes, where: int) -> dict[str, Any]:
        try:
            fields = msgpack.unpackb(payload, raw=False)
        except (ValueError, TypeError, OverflowError, msgpack.UnpackException):
            fields = None
        if not isinstance(fields, dict):
            raise Wrong("its data is not a MessagePack map", where)
        return fields

    def begin(self, event: Event, fields: dict[str, Any]) -> None:
        keys = [fields.get("log_key"), fields.get("event_key"), fields.get("root_key")]
        known = [key for key in keys if key is not None]
        if event.kind != "store.initialised" or fields.get("origin") != event.origin or keys[0] is None or not keys[1]:
            raise Wrong("the log's first event does not name its origin and its keys", 1)
        if any(type(key) is not bytes or len(key) != 32 for key in known) or len(set(known)) != len(known):
            raise Wrong("the first event's keys are not different ones of 32 bytes", 1)
        if type(fields.get("store")) is not str:
            raise Wrong("the first event does not name the store", 1)
        self.store, self.origin, self.root = fields["store"], event.origin, keys[2]
        self.spans = {"log": [Span(keys[0], 0, 1)], "event": [Span(keys[1], 0, 0)]}

    def change(self, index: int, kind: str, role: str, fields: dict[str, Any]) -> None:
        spans, size = self.spans[role], {"key": 32, "signature": 64}
        now = spans[-1]
        for name, value in fields.items():
            wanted = size.get(name.rpartition("_")[2]) or (32 if name == "replaces" and value is not None else 0)
            need(not wanted or (type(value) is bytes and len(value) == wanted), f"its {name} has the wrong form")
        if kind == "key.rotated":
            old, new, last_good, reason = fields["old_key"], fields["new_key"], 0, ""
            need(old == now.key, "what it hands on is not the key in force")
            signers = [(old, fields["old_signature"]), (new, fields["new_signature"])]
        elif kind == "key.added":
            old, new, last_good, reason = fields.get("replaces") or b"", fields["key"], 0, ""
            signers = [(self.root, fields["root_signature"]), (new, fields["key_signature"])]
            if old:
                need(old == now.key, "what it replaces is not the key in force")
            else:
                need((role, index) in (("log", 1), ("event", 2)), "the root certifies keys at events 2 and 3 only")
                need(new == now.key, "what the root certifies is not the first event's key")
        else:
            old, new, last_good, reason = fields["key"], b"", fields["last_good"], fields["reason"]
            signers = [(self.root, fields["root_signature"])]
            found = [span for span in spans if span.key == old]
            need(bool(found), "it revokes a key that the log never had")
            need(found[0].last is not None, "it revokes a key that is still in force")
            need(type(last_good) is int and 0 <= last_good <= index, "its last good position is not before it")
            need(type(reason) is str and len(reason.encode()) <= 1024, "its reason is too long")
        need(None not in [key for key, _ in signers], "it needs the root key, and the log has none")
        if new and (kind == "key.rotated" or old):
            every = [span.key for some in self.spans.values() for span in some]
            need(new not in (*every, self.root), "its new key is not new to the log")
            ids = [key_id(self.name(role), span.key) for span in spans]
            need(key_id(self.name(role), new) not in ids, "its new key has an earlier one's id")
        action = {"key.rotated": "rotate", "key.added": "add", "key.revoked": "revoke"}[kind]
        said = [1, action, self.origin, index, role, self.root or b"", old, new, last_good, reason]
        statement = pae(STATEMENT_TYPE, msgpack.packb(said, use_bin_type=True))
        need(all(signed_by(key, signature, statement) for key, signature in signers if key), "a signature fails")
        if kind == "key.revoked":
            for span in spans:
                if span.key == old and (span.revoked is None or last_good < span.revoked):
                    span.revoked, span.reason = last_good, reason
        elif kind == "key.added" and not old:
            self.certified.add(role)
        else:
            rotated = kind == "key.rotated"
            if role == "event":
                first, now.last = (index + 1, index) if rotated else (index, index - 1)
            else:
                first, now.last = index + 1, index + rotated
            spans.append(Span(new, index, first, old if rotated else None))

    def event_key(self, index: int, identity: bytes) -> bytes | None:
        for span in self.spans["event"]:
            if key_id(self.name("event"), span.key) == identity:
                return span.key if span.first <= index and (span.last is None or index <= span.last) else None
        return None

    def limit(self, role: str, span: Span) -> int | None:
        """The last position (or size) that the key answers for; None: all. 0 if a revoked key handed it on too late."""
        by = next((other for other in self.spans[role] if other.key == span.by), None)
        limit = self.limit(role, by) if by else None
        return 0 if limit is not None and span.since + 1 > limit else span.revoked

    def unattributable(self, first: int, last: int) -> Iterator[Unknown]:
        """Of positions first … last: what is signed with a revoked key."""
        for span in self.spans["event"]:
            limit = self.limit("event", span)
            stop = last if span.last is None else min(last, span.last + 1)
            begin = max(first, span.first + 1, (limit or 0) + 1)
            if limit is not None and begin <= stop:
                problem = f"not attributable to anybody, up to event {stop}: signed with a revoked key ({span.reason})"
                yield Unknown(problem, begin)

    def require_trusted(self, note: Note, trusted: VerifierKey) -> None:
        """That the checkpoint is signed with the log key that the trusted key leads to. Raises Wrong, Unknown."""
        if trusted.name not in (self.origin, f"{self.origin}/root"):
            raise Unknown(f"the trusted key is that of {trusted.name!r}, and the log is {self.origin!r}")
        if self.root is not None and len(self.certified) != 2:
            raise Wrong("the root key that the first event names does not certify its keys")
        if trusted.name != self.origin and trusted.key != self.root:
            raise Wrong("the log names another root key than the trusted one")
        if trusted.name == self.origin:
            span = next((span for span in self.spans["log"] if span.key == trusted.key), None)
            if span is None:
                raise Wrong("the log names another log key than the trusted one")
            if self.limit("log", span) is not None:
                raise Unknown(f"the trusted key was revoked: {span.reason}")
        span = next((span for span in reversed(self.spans["log"]) if span.first <= note.size), None)
        if span is None or not note_signed(note, self.origin, span.key) or note.origin != self.origin:
            raise Wrong("the checkpoint is not signed with the log's key")
        limit = self.limit("log", span)
        if limit is not None and note.size > limit:
            raise Unknown(f"the checkpoint of {note.size} events is signed with a revoked log key")

    def require_earlier(self, note: Note) -> None:
        """That a checkpoint, taken at any time, is this log's. Raises Unknown: it says nothing."""
        for span in self.spans["log"]:
            limit = self.limit("log", span)
            in_force = span.first <= note.size and (span.last is None or note.size <= span.last)
            if note.origin == self.origin and in_force and note_signed(note, self.origin, span.key):
                if limit is None or note.size <= limit:
                    return
                raise Unknown(f"a checkpoint of {note.size} events is signed with a revoked log key")
        raise Unknown(f"a checkpoint of {note.origin!r} with {note.size} events is not signed by this log")


# What the evidence says, made anew: events.jsonl, report.html, manifest.json


def when(time_us: int) -> str:
    if time_us > 253_402_300_799_999_999:  # RFC 3339 ends with the year 9999
        return str(time_us)
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=time_us)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def data_of(payload: bytes) -> dict[str, Any]:
    try:
        fields = msgpack.unpackb(payload, raw=False)
        if isinstance(fields, dict):
            return {key: as_json(value, MAX_DEPTH - 1) for key, value in fields.items() if require_text(key)}
    except (ValueError, TypeError, OverflowError, RecursionError, msgpack.UnpackException):
        pass
    return {"payload": text64(payload)}


def require_text(key: object) -> bool:
    if not isinstance(key, str):
        raise TypeError("JSON names are text")
    return True


def as_json(value: Any, depth: int) -> Any:
    if not depth:
        raise ValueError("nested too deeply")
    if value is None or isinstance(value, bool | str | int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, list):
        return [as_json(item, depth - 1) for item in value]
    if isinstance(value, dict):
        return {key: as_json(item, depth - 1) for key, item in value.items() if require_text(key)}
    raise TypeError("JSON has nothing like it")


def document(store: str, event: Event) -> dict[str, Any]:
    words = event.kind.replace("-", ".").split(".")
    return {
        "position": event.at + 1, "time": when(event.time_us),
        "type": "".join(word[:1].upper() + word[1:] for word in words), "store": store, "operation": event.operation,
        "actor": event.actor, "key": event.key_id.hex(), "data": data_of(event.payload), "leaf_hash": event.leaf.hex(),
        "signature": text64(event.signature), "stream": event.stream, "stream_version": event.stream_version,
        "kind": event.kind, "schema": event.schema, "record": text64(event.record),
    }  # fmt: skip


def line(said: dict[str, Any]) -> bytes:
    return json.dumps(said, ensure_ascii=False).encode() + b"\n"


def shown(value: Any) -> str:
    """A value as report.html shows it."""
    if value is None or value == []:
        return "–"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list):
        return ", ".join(map(shown, value))
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}={shown(item)}" for name, item in value.items()) + "}"
    hidden = "[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]"
    return re.sub(hidden, "\ufffd", str(value))


def row(said: dict[str, Any], state: str) -> bytes:
    cells = [("position", said["position"]), ("time", said["time"]), ("type", said["type"]), ("actor", said["actor"]),
             ("operation", said["operation"][:8])]  # fmt: skip
    first = "".join(f'<td class="{name}">{escape(shown(text))}</td>' for name, text in cells)
    data = " · ".join(f"<b>{escape(shown(name))}</b> {escape(shown(value))}" for name, value in said["data"].items())
    return (
        f'<tr>{first}<td class="data">{data}</td><td>{state}<br>key {said["key"]}</td>'
        f'<td class="hash">{said["leaf_hash"]}</td></tr>\n'
    ).encode()


def mentions(data: Any, target: str) -> bool:
    if isinstance(data, dict | list):
        return any(mentions(item, target) for item in (data.values() if isinstance(data, dict) else data))
    return bool(data == target)


def parse_filters(said: Any) -> dict[str, Any]:
    if type(said) is not dict or not said.keys() <= {"target", "types", "operation", "actor"}:
        raise Wrong("the manifest's filters make no sense")
    for name, value in said.items():
        good = type(value) is list and all(type(one) is str for one in value) if name == "types" else type(value) is str
        if not good or not value:
            raise Wrong("the manifest's filters make no sense")
    return {name: said[name] for name in ("target", "types", "operation", "actor") if name in said}


def fits(filters: dict[str, Any], said: dict[str, Any]) -> bool:
    return (
        ("types" not in filters or said["type"] in filters["types"])
        and ("operation" not in filters or said["operation"].startswith(filters["operation"]))
        and ("actor" not in filters or said["actor"] == filters["actor"])
        and ("target" not in filters or mentions(said["data"], filters["target"]))
    )


# The whole


class Trust(NamedTuple):
    key: VerifierKey | None
    policy: Policy | None
    against: list[bytes]


class Check:
    """One bundle. What is wrong goes to `findings`, what could not be checked to `doubts`."""

    def __init__(self, bundle: Bundle, trust: Trust) -> None:
        self.bundle, self.trust = bundle, trust
        self.findings: list[Wrong] = []
        self.doubts: list[Unknown] = []
        self.keys = Keys()
        self.note: Note
        self.proves, self.filters = "", dict[str, Any]()
        self.key_events: dict[int, bytes] = {}  # index → leaf hash
        self.first = self.stop = 0  # indexes of the records; for completeness with the neighbours
        self.range: dict[str, Any] = {}
        self.chosen: tuple[int, int] = (0, 0)  # indexes [start, stop) of what was asked for, of a complete range
        self.roots: dict[int, bytes] = {}
        self.wanted_roots: set[int] = set()
        self.sample: Event | None = None
        self.signatures = 0

    def run(self) -> None:
        self.manifest_claims()
        self.note = parse_note(self.bundle.small("checkpoint"))
        if not self.note.size:
            raise Wrong("the checkpoint is of an empty log")
        self.earlier = [parse_note(data) for data in self.trust.against]
        self.wanted_roots = {note.size for note in self.earlier}
        genesis = self.read_keys()
        self.require_trust()
        count = self.read_complete() if self.proves == "completeness" else self.read_selected()
        sized = self.read_anchors()
        self.check_sample(self.sample or genesis)
        self.check_report(count)
        guide = self.bundle.open("VERIFY.md")
        guide.expect_hashed(GUIDE)
        guide.end()
        self.check_manifest()
        self.check_earlier(sized)
        self.doubts += self.keys.unattributable(self.range["first"], self.range["last"]) if count else []

    def manifest_claims(self) -> None:
        try:
            said = json.loads(self.bundle.small("manifest.json"))
            form, proves, filters = said["format"], said["proves"], said["filters"]
            self.claimed = (said["range"]["first"], said["range"]["last"])
        except (ValueError, KeyError, TypeError, RecursionError):
            raise Wrong("the manifest is not JSON with a format, what it proves, and filters") from None
        if form != FORMAT:
            raise Unknown(f"the bundle has the format {form!r}, this program knows {FORMAT}")
        if proves not in ("completeness", "inclusion") or [type(one) for one in self.claimed] != [int, int]:
            raise Wrong("the manifest does not say what the bundle proves, and of which positions")
        self.proves, self.filters = proves, parse_filters(filters)
        if (proves == "inclusion") != bool(self.filters):
            raise Wrong("a selection has filters, and a complete range has none")

    def read_keys(self) -> Event:
        """The events that say which keys sign; each is shown to be in the log, and the log's first is the first."""
        genesis: Event | None = None
        last = -1
        for number, text in enumerate(self.bundle.open("keys.jsonl").lines()):
            try:
                said = json.loads(text)
                index, record, path = said["index"], unbase64(said["record"]), [unbase64(one) for one in said["path"]]
                again = {"index": index, "record": said["record"], "path": said["path"]}
            except (ValueError, KeyError, TypeError, RecursionError):
                raise Wrong(f"line {number + 1} of keys.jsonl makes no sense") from None
            if number >= MAX_KEY_EVENTS or type(index) is not int or index <= last or line(again)[:-1] != text:
                raise Wrong(f"line {number + 1} of keys.jsonl is out of place")
            event, last = self.event(record, index), index
            if not included(event.leaf, index, self.note.size, path, self.note.root):
                raise Wrong("its inclusion proof does not hold", index + 1)
            if (genesis is None) != (index == 0):
                raise Wrong("keys.jsonl does not begin with the log's first event")
            genesis = genesis or event
            self.key_events[index] = event.leaf
            try:
                self.keys.learn(event)
            except Unknown as doubt:
                self.doubts.append(doubt)
            self.require_signed(event)
        if genesis is None:
            raise Wrong("keys.jsonl has not the log's first event")
        return genesis

    def event(self, record: bytes, index: int) -> Event:
        event = parse_event(record, index + 1)
        if event.at != index:
            raise Wrong(f"it was signed for position {event.at + 1}", index + 1)
        if event.origin != self.note.origin:
            raise Wrong(f"it belongs to the log {event.origin!r}", index + 1)
        return event

    def require_signed(self, event: Event, *, count: bool = False) -> None:
        key = self.keys.event_key(event.at, event.key_id)
        if key is None:
            kind = Unknown if self.keys.newer else Wrong
            raise kind(f"the key {event.key_id.hex()} may not sign here", event.at + 1)
        if not signed_by(key, event.signature, pae(EVENT_TYPE, event.body)):
            raise Wrong("its signature does not hold", event.at + 1)
        self.signatures += count

    def require_trust(self) -> None:
        trusted = [self.trust.key] if self.trust.key else []
        if self.trust.policy:
            ours = (self.keys.origin, f"{self.keys.origin}/root")
            trusted += [key for key in self.trust.policy.logs if key.name in ours]
            if not trusted:
                self.doubts.append(Unknown(f"the policy has no key of the log {self.keys.origin!r}"))
                return
        if not trusted:
            self.doubts.append(Unknown("no trusted key: a key in the bundle proves nothing"))
            return
        problems: list[Wrong] = []
        for key in trusted:
            try:
                self.keys.require_trusted(self.note, key)
            except Wrong as problem:
                problems.append(problem)
        if len(problems) == len(trusted):
            worst = next((one for one in problems if not isinstance(one, Unknown)), problems[0])
            if not isinstance(worst, Unknown):
                raise worst
            self.doubts.append(worst)

    def records(self) -> Iterator[bytes]:
        member = self.bundle.open("records")
        while member.left:
            head = member.read(2)
            record = member.read(int.from_bytes(head, "big"))
            if len(head) < 2 or not record or len(record) != int.from_bytes(head, "big"):
                raise Wrong("the records end within one, or one is empty")
            yield record

    def require_key_event_known(self, event: Event) -> None:
        about_keys = not event.at or event.stream == "keys" or event.kind in KEY_KINDS
        if about_keys and self.key_events.get(event.at) != event.leaf:
            raise Wrong("it says something about keys that keys.jsonl leaves out", event.at + 1)

    def read_complete(self) -> int:
        """Range with neighbours, in one piece up to the checkpoint's root; events.jsonl beside it."""
        lines = islice(self.bundle.open("proof").lines(64), MAX_HASHES + 1)
        proof = [unbase64(text.decode("ascii", "replace")) for text in lines]
        if len(proof) > MAX_HASHES or any(len(one) != 32 for one in proof):
            raise Wrong("the range proof has too many hashes, or one that is none")
        records = self.records()
        try:
            begin = parse_event(next(records), None).at
        except StopIteration:
            raise Wrong("a complete range without a single record") from None
        total = sum(1 for _ in self.records())
        self.first, self.stop = begin, begin + total
        # Only where the log itself begins or ends has the range no neighbour.
        start, stop = self.claimed[0] - 1, self.claimed[1]
        begins, ends = (
            start == begin + 1 or start == begin == 0,
            stop == self.stop - 1 or stop == self.stop == self.note.size,
        )
        if not (begins and ends and start <= stop):
            raise Wrong("the range has no neighbours, and the log goes on beside it")
        if len(proof) < begin.bit_count():
            raise Wrong("the range proof has too few hashes")
        self.chosen = (start, stop)
        grown = Grown(begin, proof[: begin.bit_count()])
        reader, said = self.records(), self.bundle.open("events.jsonl")
        previous: Event | None = None
        versions: dict[str, int] = {}
        times: list[int | None] = [None, None]

        def leaf() -> bytes:
            nonlocal previous
            index = self.first if previous is None else previous.at + 1
            event = self.event(next(reader), index)
            if previous and event.prev != hashlib.sha256(previous.body).digest():
                raise Wrong("it does not follow the event before it", index + 1)
            if not index and event.prev != bytes(32):
                raise Wrong("it is not the first event's body", 1)
            if previous and event.time_us <= previous.time_us:
                raise Wrong("it is not later than the event before it", index + 1)
            if versions.get(event.stream, event.stream_version) != event.stream_version:
                raise Wrong("its stream's versions are not in order", index + 1)
            versions[event.stream] = event.stream_version + 1
            self.require_key_event_known(event)
            self.require_signed(event, count=True)
            previous = event
            if start <= index < stop:
                self.sample = self.sample or event
                said.expect(line(document(self.keys.store, event)), index + 1)
            else:
                times[index >= stop] = event.time_us
            grown.add(event.leaf)
            if grown.size in self.wanted_roots:
                self.roots[grown.size] = grown.root()
            return event.leaf

        if begin in self.wanted_roots and begin:
            self.roots[begin] = grown.root()
        if root_with(self.first, self.stop, self.note.size, leaf, proof) != self.note.root:
            raise Wrong("the records and the range proof do not give the checkpoint's root")
        said.end()
        self.range = {"first": start + 1, "last": stop, "count": stop - start}
        for name, time in (("after", times[0]), ("before", times[1])):
            self.range[name] = None if time is None else when(time)
        return int(self.range["count"])

    def read_selected(self) -> int:
        """Events with an inclusion proof each, in the order of the log."""
        proofs, lines = self.bundle.open("proof").lines(), self.bundle.open("events.jsonl")
        first = last = count = 0
        for record in self.records():
            event = self.event(record, parse_event(record, None).at)
            position = event.at + 1
            if position <= last:
                raise Wrong("the records are not in the log's order", position)
            text = next(proofs, None)
            if text is None:
                raise Wrong("it has no inclusion proof", position)
            path = [unbase64(one.decode("ascii", "replace")) for one in text.split(b" ")] if text else []
            if not included(event.leaf, event.at, self.note.size, path, self.note.root):
                raise Wrong("its inclusion proof does not hold", position)
            self.require_key_event_known(event)
            self.require_signed(event, count=True)
            said = document(self.keys.store, event)
            if not fits(self.filters, said):
                raise Wrong("it is not one of those that the filters ask for", position)
            lines.expect(line(said), position)
            self.sample = self.sample or event
            first, last, count = first or position, position, count + 1
        if next(proofs, None) is not None:
            raise Wrong("there are more inclusion proofs than records")
        lines.end()
        self.range = {"first": first, "last": last, "count": count}
        return count

    def read_anchors(self) -> dict[int, tuple[bytes, Note]]:
        """Earlier checkpoints that the bundle's own continues: size → root hash and the note."""
        found: dict[int, tuple[bytes, Note]] = {}
        last = (0, "")
        for number, text in enumerate(self.bundle.open("anchors.jsonl").lines()):
            try:
                said = json.loads(text)
                note, hashes = parse_note(said["note"].encode()), [unbase64(one) for one in said["hashes"]]
                again = {"note": said["note"], "hashes": said["hashes"]}
            except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
                raise Wrong(f"line {number + 1} of anchors.jsonl makes no sense") from None
            if number >= MAX_ANCHORS or line(again)[:-1] != text or (note.size, said["note"]) <= last:
                raise Wrong(f"line {number + 1} of anchors.jsonl is out of place")
            last = (note.size, said["note"])
            if not consistent(note.size, note.root, self.note.size, self.note.root, hashes):
                raise Wrong(f"the log does not continue the anchored checkpoint of {note.size} events")
            try:
                self.keys.require_earlier(note)
            except Unknown as doubt:
                raise Wrong(f"anchors.jsonl: {doubt.problem}") from None
            found[note.size] = (note.root, note)
            self.require_quorum_later(note)
        self.require_quorum()
        return found

    _witnessed = False

    def require_quorum_later(self, note: Note) -> None:
        policy = self.trust.policy
        if policy and note.size >= self.needed_size():
            by = {name for name, witness in policy.witnesses.items() if cosigned(note, witness)}
            self._witnessed = self._witnessed or policy.satisfied(policy.quorum, by)

    def require_quorum(self) -> None:
        """That enough witnesses cosigned the bundle's checkpoint, or an anchored one that covers all its events."""
        self.require_quorum_later(self.note)
        if self.trust.policy and not self._witnessed:
            self.doubts.append(
                Unknown("no checkpoint that covers these events has the cosignatures that the policy wants")
            )

    def needed_size(self) -> int:
        return self.stop if self.proves == "completeness" else int(self.range["last"])

    def check_sample(self, event: Event) -> None:
        sample = self.bundle.open("event")
        sample.expect(event.record)
        sample.end()
        proof, spicy = self.bundle.small("event.tlog-proof"), self.bundle.small("event.spicy")
        head, _, note = spicy.partition(b"\n\n")
        first, *hashes = head.decode("ascii", "replace").split("\n")
        path = [unbase64(one) for one in hashes]
        if first != f"index {event.at}" or note != self.bundle.small("checkpoint"):
            raise Wrong("event.spicy is not of that event and this checkpoint")
        if not included(event.leaf, event.at, self.note.size, path, self.note.root):
            raise Wrong("the inclusion proof of event.spicy does not hold", event.at + 1)
        if proof != b"c2sp.org/tlog-proof@v1\n" + spicy:
            raise Wrong("event.tlog-proof is not what event.spicy is")

    def check_report(self, count: int) -> None:
        page = self.bundle.open("report.html")
        page.expect_hashed(HEAD)
        events = f"{count}, positions {self.range['first']} to {self.range['last']}" if count else "none"
        checkpoint = f"{self.note.size} events, root hash {self.note.root.hex()}"
        rows = [("Log", self.keys.origin), ("Store", self.keys.store), ("Checkpoint", checkpoint), ("Events", events)]
        if self.proves == "completeness":
            rows.append(("After", self.range["after"] or "the beginning of the log"))
            rows.append(("Before", self.range["before"] or "the end of the log at this checkpoint"))
        rows += [
            ("Only", f"{name} {self.filters[name]}")
            for name in ("target", "operation", "actor")
            if name in self.filters
        ]
        rows += [("Only", f"type {name}") for name in self.filters.get("types", [])]
        if count > MAX_ROWS:
            rows.append(("Shown", f"the first {MAX_ROWS}; all are in events.jsonl"))
        rows.append(("To check", "python3 verify_bundle.py BUNDLE --key VKEY; or by hand: VERIFY.md"))
        page.expect(f'<p class="claim {self.proves}">{escape(STATEMENTS[self.proves])}</p>\n<dl>\n'.encode())
        for name, text in rows:
            page.expect(f"<dt>{escape(name)}</dt><dd>{escape(shown(text))}</dd>\n".encode())
        page.expect(b"</dl>\n")
        page.expect_hashed(TABLE)
        state = {"completeness": "range proof", "inclusion": "inclusion proof"}[self.proves]
        for number, record in enumerate(self.shown_records()):
            if number == MAX_ROWS:
                break
            event = parse_event(record, None)
            page.expect(row(document(self.keys.store, event), state), event.at + 1)
        page.expect_hashed(TAIL)
        page.end()

    def shown_records(self) -> Iterator[bytes]:
        for number, record in enumerate(self.records()):
            inside = self.chosen[0] <= self.first + number < self.chosen[1]
            if self.proves == "inclusion" or inside:
                yield record

    def check_manifest(self) -> None:
        files = {
            name: {"bytes": self.bundle.places[name][1], "sha256": self.bundle.sha256(name)} for name in MEMBERS[:-1]
        }
        said = {
            "format": FORMAT, "proves": self.proves, "statement": STATEMENTS[self.proves], "origin": self.note.origin,
            "store": self.keys.store, "checkpoint": {"size": self.note.size, "root_hash": self.note.root.hex()},
            "range": self.range, "filters": self.filters, "files": files,
        }  # fmt: skip
        if self.bundle.small("manifest.json") != json.dumps(said, indent=1, ensure_ascii=False).encode() + b"\n":
            raise Wrong("the manifest does not say what the evidence says")

    def check_earlier(self, anchors: dict[int, tuple[bytes, Note]]) -> None:
        """The checkpoints that the verifier kept: this log has to continue them."""
        for note in self.earlier:
            roots = {
                self.note.size: self.note.root,
                **self.roots,
                **{size: root for size, (root, _) in anchors.items()},
            }
            try:
                self.keys.require_earlier(note)
            except Unknown as doubt:
                self.doubts.append(Unknown(f"the earlier checkpoint cannot be used: {doubt.problem}"))
                continue
            if note.size not in roots:
                self.doubts.append(
                    Unknown(f"the bundle does not lead from the earlier checkpoint of {note.size} events")
                )
            elif roots[note.size] != note.root:
                self.findings.append(Wrong(f"the first {note.size} events are not those of the earlier checkpoint"))


def verdict(path: Path, trust: Trust) -> dict[str, Any]:
    """The verdict as `storectl audit verify --json` gives it."""
    check: Check | None = None
    findings: list[Wrong] = []
    with path.open("rb") as file:
        try:
            check = Check(Bundle(file), trust)
            check.run()
        except Wrong as problem:
            findings.append(problem)
    if check:
        findings += [*check.findings, *check.doubts]
    tampered = [one for one in findings if not isinstance(one, Unknown)]
    doubts = [one for one in findings if isinstance(one, Unknown)]
    whole = check is not None and not tampered and hasattr(check, "note")
    left_out = ["whether a key was revoked after the last change of keys that the bundle shows"]
    if check is not None and check.proves == "inclusion":
        left_out.append("whether other events fit the filters: " + STATEMENTS["inclusion"])
    return {
        "verdict": "tampered" if tampered else "unchecked" if doubts else "verified",
        "size": check.note.size if check and whole else 0,
        "root_hash": check.note.root.hex() if check and whole else "",
        "findings": [{"position": one.position, "problem": one.problem} for one in [*tampered, *doubts][:MAX_FINDINGS]],
        "signatures_checked": check.signatures if check else 0,
        "not_checked": left_out,
        "proves": check.proves if check and whole else "",
        "range": check.range if check and whole else {},
    }


def main() -> int:
    parser = argparse.ArgumentParser(description="Check a bundle that `storectl audit export` wrote.")
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--key", metavar="VKEY", help="the log's verifier key, or its root key's, from another source")
    parser.add_argument("--policy", type=Path, metavar="FILE", help="C2SP tlog-policy: log and witness keys, quorum")
    parser.add_argument(
        "--against", type=Path, metavar="FILE", action="append", default=[], help="a checkpoint kept earlier"
    )
    parser.add_argument("--json", action="store_true", help="the verdict as JSON")
    asked = parser.parse_args()
    try:
        key = parse_vkey(asked.key) if asked.key else None
    except ValueError as error:
        parser.error(str(error))
    try:
        policy = parse_policy(asked.policy.read_bytes()[:MAX_SMALL]) if asked.policy else None
    except ValueError as error:
        parser.error(str(error))
    except OSError as error:
        return failed(error)
    try:
        notes = [path.read_bytes()[:MAX_SMALL] for path in asked.against]
        said = verdict(asked.bundle, Trust(key, policy, notes))
    except OSError as error:
        return failed(error)
    if asked.json:
        print(json.dumps(said, indent=2, ensure_ascii=False))
    else:
        span = said["range"]
        print(f"{said['verdict']}: {span.get('count', 0)} events, {said['signatures_checked']} signatures checked")
        if said["proves"]:
            print(f"{said['proves']}: positions {span['first']} to {span['last']} of {said['size']} events")
            print(STATEMENTS[said["proves"]])
            print(f"root hash {said['root_hash']}")
        for one in said["findings"]:
            problem = "".join(c if c.isprintable() else "\ufffd" for c in one["problem"])
            print(f"  {'event ' + str(one['position']) if one['position'] else 'bundle'}: {problem}")
        for text in said["not_checked"]:
            print(f"not checked: {text}")
    return {"verified": 0, "tampered": 3, "unchecked": 7}[said["verdict"]]


def failed(error: OSError) -> int:
    print(f"verify_bundle: {error.filename}: {error.strerror}", file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main())
