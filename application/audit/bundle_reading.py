"""A bundle's files taken apart, one piece at a time: nothing is believed, and nothing is held that grows with them."""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from domain.bundle import manifest as files
from domain.bundle.manifest import FORMAT, Filters, Proves
from domain.errors import BadInput, UnknownFormat
from domain.ledger.keys import from_base64
from domain.ledger.merkle import HASH_BYTES
from domain.ledger.record import Body, Record, decode_body, decode_record, leaf_hash


class MemberFile(Protocol):
    """One file of a bundle, read from its beginning."""

    @property
    def left(self) -> int:
        """Bytes that are not read yet."""

    def read(self, count: int) -> bytes: ...

    def lines(self, limit: int) -> Iterator[bytes]: ...


class BundleFiles(Protocol):
    """A bundle whose container is in order: it has all its files, each once, and nothing besides."""

    def open(self, name: str) -> MemberFile: ...

    def size(self, name: str) -> int: ...

    def sha256(self, name: str) -> str: ...


class Event(NamedTuple):
    """One record taken apart."""

    record: bytes
    parts: Record
    body: Body
    leaf: bytes


class KeyLine(NamedTuple):
    """A line of keys.jsonl: an event that says which keys sign, and its inclusion proof."""

    event: Event
    path: tuple[bytes, ...]


class AnchorLine(NamedTuple):
    """A line of anchors.jsonl: an earlier checkpoint, and the consistency proof to the bundle's own."""

    note: str
    hashes: tuple[bytes, ...]


@dataclass(frozen=True, slots=True)
class Claims:
    """What the manifest says that does not follow from the evidence alone. `first` and `last` are the range's
    positions: they say whether the records at its ends are neighbours.
    """

    proves: Proves
    filters: Filters
    first: int = 0
    last: int = 0


def read_event(record: bytes) -> Event:
    """Raises BadInput, UnknownFormat."""
    parts = decode_record(record)
    return Event(record, parts, decode_body(parts.body), leaf_hash(record))


def read_claims(bundle: BundleFiles) -> Claims:
    """Raises BadInput; UnknownFormat for a bundle of a newer version."""
    try:
        said = json.loads(small(bundle, files.MANIFEST))
        if said["format"] != FORMAT:
            raise UnknownFormat(
                f"the bundle has the format {said['format']!r}, this program knows {FORMAT}",
                hint="use a newer storectl",
            )
        if said["proves"] not in ("completeness", "inclusion"):
            raise ValueError("it does not say what the bundle proves")
        span = said["range"]
        claims = Claims(said["proves"], Filters.from_json(said["filters"]), span["first"], span["last"])
        if type(claims.first) is not int or type(claims.last) is not int:
            raise ValueError("its range is not one of positions")
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"{files.MANIFEST} makes no sense: {error}") from error
    if (claims.proves == "inclusion") != bool(claims.filters):
        raise BadInput(f"{files.MANIFEST}: a selection has filters, and a complete range has none")
    return claims


def small(bundle: BundleFiles, name: str) -> bytes:
    """A whole file. Raises BadInput for one that is larger than it has any reason to be."""
    if bundle.size(name) > files.MAX_SMALL:
        raise BadInput(f"{name} takes {bundle.size(name)} bytes")
    return bundle.open(name).read(files.MAX_SMALL)


def text(data: bytes, name: str) -> str:
    """Raises BadInput."""
    try:
        return data.decode()
    except UnicodeDecodeError as error:
        raise BadInput(f"{name} is not UTF-8") from error


def records(bundle: BundleFiles) -> Iterator[bytes]:
    """The framed records, one by one. Raises BadInput."""
    member = bundle.open(files.RECORDS)
    while member.left:
        head = member.read(2)
        length = int.from_bytes(head, "big")
        record = member.read(length)
        if len(head) != 2 or len(record) != length or not length:
            raise BadInput("the records end within one, or one is empty")
        yield record


def key_lines(bundle: BundleFiles) -> Iterator[KeyLine]:
    """Raises BadInput for lines that are not the one way to say what they say, or out of order."""
    last = -1
    for number, line in _documents(bundle, files.KEYS, files.MAX_KEY_EVENTS):
        said = _exactly(line, ("index", "record", "path"), files.KEYS, number)
        event = read_event(decoded(said["record"]))
        if type(said["index"]) is not int or not last < said["index"] == event.body.leaf_index:
            raise BadInput(f"line {number} of {files.KEYS} is out of place")
        last = said["index"]
        yield KeyLine(event, hashes(said["path"]))


def anchor_lines(bundle: BundleFiles) -> Iterator[AnchorLine]:
    """Raises BadInput likewise; their order is for whoever reads the notes."""
    for number, line in _documents(bundle, files.ANCHORS, files.MAX_ANCHORS):
        said = _exactly(line, ("note", "hashes"), files.ANCHORS, number)
        if type(said["note"]) is not str:
            raise BadInput(f"line {number} of {files.ANCHORS} has no checkpoint")
        yield AnchorLine(said["note"], hashes(said["hashes"]))


def proof_lines(bundle: BundleFiles) -> Iterator[bytes]:
    return bundle.open(files.PROOF).lines(files.MAX_LINE)


def decoded(said: object) -> bytes:
    """Raises BadInput for what is not base64 in its one form."""
    data = from_base64(said) if type(said) is str else None
    if data is None:
        raise BadInput("something that has to be base64 is not, or not in its one form")
    return data


def hashes(said: object) -> tuple[bytes, ...]:
    """Raises BadInput for what is not a list of hashes."""
    found = tuple(map(decoded, said)) if type(said) is list else None
    if found is None or any(len(one) != HASH_BYTES for one in found):
        raise BadInput("a proof has something that is not a hash")
    return found


def _documents(bundle: BundleFiles, name: str, most: int) -> Iterable[tuple[int, bytes]]:
    for number, line in enumerate(bundle.open(name).lines(files.MAX_LINE), 1):
        if number > most:
            raise BadInput(f"{name} has more than {most} lines")
        yield number, line


def _exactly(line: bytes, names: tuple[str, ...], where: str, number: int) -> dict[str, Any]:
    try:
        said = json.loads(line)
        if type(said) is dict and json.dumps({name: said[name] for name in names}, ensure_ascii=False).encode() == line:
            return said
    except (ValueError, KeyError, RecursionError) as error:
        raise BadInput(f"line {number} of {where} makes no sense: {error!r}") from error
    raise BadInput(f"line {number} of {where} makes no sense")
