"""Attacks on bundles, made by a generator: (name, bytes of the bundle). Whoever makes them knows the format as well as
we do, and puts the manifest's hashes right again after each change; what he has not is the keys.
"""

import base64
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import msgpack

from adapters.keys.key_files import KeySigner
from application.audit.exporting import Wanted
from domain.bundle.manifest import (
    ANCHORS,
    CHECKPOINT,
    EVENTS,
    GUIDE,
    KEYS,
    MANIFEST,
    PROOF,
    RECORDS,
    REPORT,
    SAMPLE,
    SAMPLE_PROOF,
    SAMPLE_SPICY,
    Filters,
)
from domain.ledger.checkpoint import Checkpoint, parse_checkpoint, parse_note, sign_checkpoint
from domain.ledger.keys import event_key_name, key_id
from domain.ledger.record import Record, decode_record, encode_body, encode_record, pae, read_body
from domain.ledger.tiles import entries, entry_bundle
from tests.attacks.bundle_damage import Attack, changed, containers, damage, packed, said, unpacked
from tests.support.bundles import HonestLog, bundle_bytes
from tests.support.keyed import new_key
from tests.support.logs import ORIGIN, OTHER_KEY


def forgeries(log: HonestLog, start: int, stop: int) -> Iterator[Attack]:
    """Changes of what a complete range says, by somebody who remakes all that can be remade without the keys."""
    bundle = bundle_bytes(log, Wanted(start, stop, anchors=list(log.notes.values())[:2]))
    files = unpacked(bundle)
    records, lines = list(entries(files[RECORDS])), files[EVENTS].split(b"\n")[:-1]

    def with_records(some: list[bytes], rows: list[bytes] | None = None) -> bytes:
        return changed(bundle, records=entry_bundle(some), events_jsonl=b"".join(row + b"\n" for row in rows or lines))

    for at in range(len(records)):
        row = at - (start > 0)
        inside = 0 <= row < len(lines)
        left = lines[:row] + lines[row + 1 :] if inside else lines
        yield f"record {at} dropped", with_records(records[:at] + records[at + 1 :], left)
        yield f"record {at} repeated", with_records([*records[: at + 1], *records[at:]])
        edited = tampered(records[at])
        yield (
            f"record {at} edited",
            with_records([*records[:at], edited, *records[at + 1 :]], relined(files, lines, row, edited)),
        )
        other = resigned(records[at], OTHER_KEY)
        yield f"record {at} signed by somebody else", with_records([*records[:at], other, *records[at + 1 :]])
        if at + 1 < len(records):
            swapped = [*records[:at], records[at + 1], records[at], *records[at + 2 :]]
            yield f"records {at} and {at + 1} swapped", with_records(swapped)
    # Holes: the neighbours are what shows that nothing is missing beside the range.
    span = json.loads(files[MANIFEST])["range"]
    yield "the neighbour before removed", with_records(records[1:])
    yield "the neighbour after removed", with_records(records[:-1])
    yield (
        "the range said to begin later",
        said(bundle, range=span | {"first": span["first"] + 1, "count": span["count"] - 1}),
    )
    yield (
        "the range said to end later",
        said(bundle, range=span | {"last": span["last"] + 1, "count": span["count"] + 1}),
    )
    yield "the range said to be longer", said(bundle, range=span | {"first": 1, "last": log.size})
    yield "complete after an earlier time", said(bundle, range=span | {"after": "2020-01-01T00:00:00.000000Z"})
    yield "complete up to the log's end", said(bundle, range=span | {"before": None})
    yield from _claims(bundle, files)
    yield from _proofs(log, bundle, files)
    yield from _keys(log, bundle, files)
    yield from _readings(bundle, files, lines)


def _claims(bundle: bytes, files: Mapping[str, bytes]) -> Iterator[Attack]:
    yield "said to be a selection", said(bundle, proves="inclusion", filters={"actor": "root"})
    yield "a filter beside completeness", said(bundle, filters={"actor": "root"})
    yield "another statement", said(bundle, statement="all events that there ever were")
    yield "another store", said(bundle, store="another")
    yield "another origin", said(bundle, origin="other.example/log")
    yield "another root hash", said(bundle, checkpoint={"size": 1, "root_hash": "00" * 32})
    yield "something more in the manifest", said(bundle, note="trust me")
    yield "a newer format", said(bundle, format="storectl-bundle/2")
    for name, junk in (
        ("nothing", b""),
        ("no JSON", b"{"),
        ("a list", b"[]\n"),
        ("deep JSON", b"[" * 100_000),
        ("null", b"null\n"),
    ):
        yield f"the manifest is {name}", packed(dict(files) | {MANIFEST: junk}, hashes=False)


def _proofs(log: HonestLog, bundle: bytes, files: Mapping[str, bytes]) -> Iterator[Attack]:
    hashes = files[PROOF].split(b"\n")[:-1]
    for at in range(len(hashes)):
        rest = b"".join(one + b"\n" for one in hashes[:at] + hashes[at + 1 :])
        yield f"hash {at} of the range proof dropped", changed(bundle, proof=rest)
    yield "the range proof turned round", changed(bundle, proof=b"".join(one + b"\n" for one in hashes[::-1]))
    yield "a hash too many", changed(bundle, proof=files[PROOF] + base64.b64encode(bytes(32)) + b"\n")
    yield "a thousand hashes", changed(bundle, proof=(base64.b64encode(bytes(32)) + b"\n") * 1000)
    yield "no range proof", changed(bundle, proof=b"")
    other = HonestLog(rooted=log.rooted)
    other.grow(log.size - other.size, actor="mallory")
    foreign = unpacked(bundle_bytes(other, Wanted(5, 9)))
    for name in (CHECKPOINT, PROOF, RECORDS, KEYS, EVENTS, SAMPLE, SAMPLE_PROOF, SAMPLE_SPICY, REPORT):
        yield f"{name} out of another log's bundle", packed(dict(files) | {name: foreign[name]})
    yield (
        "checkpoint and proof of another log",
        packed(dict(files) | {name: foreign[name] for name in (CHECKPOINT, PROOF)}),
    )
    text = parse_note(files[CHECKPOINT].decode())
    head = parse_checkpoint(text.text)
    yield (
        "the checkpoint signed by somebody else",
        changed(bundle, checkpoint=sign_checkpoint(head, OTHER_KEY).encode()),
    )
    yield "the checkpoint without its signature", changed(bundle, checkpoint=(text.text + "\n").encode())
    yield "the checkpoint with a wrong signature", changed(bundle, checkpoint=broken_signature(files[CHECKPOINT]))
    lower = Checkpoint(head.origin, head.size - 1, head.root_hash)
    yield "the checkpoint of a smaller log", changed(bundle, checkpoint=sign_checkpoint(lower, OTHER_KEY).encode())
    anchors = files[ANCHORS].split(b"\n")[:-1]
    forged = json.dumps({"note": other.notes[max(other.notes)], "hashes": []}).encode()
    yield "an anchor of another log", changed(bundle, anchors_jsonl=anchors[0] + b"\n" + forged + b"\n")
    yield "anchors turned round", changed(bundle, anchors_jsonl=anchors[1] + b"\n" + anchors[0] + b"\n")
    yield "an anchor twice", changed(bundle, anchors_jsonl=files[ANCHORS] + anchors[-1] + b"\n")
    yield "anchors that are none", changed(bundle, anchors_jsonl=b"[]\n")


def _keys(log: HonestLog, bundle: bytes, files: Mapping[str, bytes]) -> Iterator[Attack]:
    lines = files[KEYS].split(b"\n")[:-1]
    for at in range(len(lines)):
        # The last changes of keys, after all that the bundle shows, can be kept back: the verdict says that this was
        # not checked. A key whose coming is kept back signs nothing, though.
        if at + 1 < len(lines):
            rest = b"".join(one + b"\n" for one in lines[:at] + lines[at + 1 :])
            yield f"key event {at} left out", changed(bundle, keys_jsonl=rest)
        line = json.loads(lines[at])
        edited = line | {"record": base64.b64encode(swapped_key(base64.b64decode(line["record"]))).decode()}
        yield f"the key in key event {at} swapped", changed(bundle, keys_jsonl=relisted(lines, at, edited))
        yield (
            f"the proof of key event {at} shortened",
            changed(bundle, keys_jsonl=relisted(lines, at, line | {"path": line["path"][1:]})),
        )
        yield (
            f"key event {at} said to be elsewhere",
            changed(bundle, keys_jsonl=relisted(lines, at, line | {"index": line["index"] + 1})),
        )
    yield "key events twice", changed(bundle, keys_jsonl=files[KEYS] * 2)
    yield "no key events", changed(bundle, keys_jsonl=b"")
    # A whole log of his own under the same name, signed with his own keys: nothing is wrong with it but whose it is.
    yield "a log of his own under the same name", bundle_bytes(_forged_log(log.size), Wanted(2, 6))


def _forged_log(size: int) -> HonestLog:
    made = HonestLog(rooted=False, event_key=new_key(51), log_key=new_key(50))
    made.grow(size - made.size)
    return made


def _readings(bundle: bytes, files: Mapping[str, bytes], lines: list[bytes]) -> Iterator[Attack]:
    """The evidence left as it is, and what people read changed."""
    for at, line in enumerate(lines):
        event = json.loads(line)
        for name in ("actor", "time", "type", "data", "leaf_hash", "store"):
            lie = {**event, name: {"image": "another"} if name == "data" else "another"}
            rows = [*lines[:at], json.dumps(lie, ensure_ascii=False).encode(), *lines[at + 1 :]]
            if at % 3 == 0:
                yield (
                    f"line {at} of events.jsonl lies about {name}",
                    changed(bundle, events_jsonl=b"".join(row + b"\n" for row in rows)),
                )
    yield "a line of events.jsonl left out", changed(bundle, events_jsonl=b"".join(row + b"\n" for row in lines[1:]))
    yield "a line of events.jsonl more", changed(bundle, events_jsonl=files[EVENTS] + lines[-1] + b"\n")
    page = files[REPORT]
    begin = page.index(b"<tr><td")
    for name, new in (
        ("a row left out", page[:begin] + page[page.index(b"</tr>\n", begin) + 6 :]),
        ("a script more", page.replace(b"</body>", b"<script>alert(1)</script></body>")),
        ("another policy", page.replace(b"default-src 'none'", b"default-src *     ")),
        ("another actor", page.replace(b">root<", b">anna<", 1)),
        ("another claim", page.replace(b"nothing in between was left out", b"nothing in between was ever there")),
        ("nothing", b""),
    ):  # fmt: skip
        yield f"report.html with {name}", changed(bundle, report_html=new)
    yield "other instructions", changed(bundle, VERIFY_md=files[GUIDE].replace(b"openssl pkeyutl -verify", b"true"))
    yield "another sample", changed(bundle, event=files[SAMPLE][:-1] + b"x")
    yield (
        "another sample proof",
        changed(bundle, event_tlog_proof=files[SAMPLE_PROOF].replace(b"index ", b"extra AA==\nindex ")),
    )
    yield "another spicy proof", changed(bundle, event_spicy=files[SAMPLE_SPICY] + b"\n")


def selections(log: HonestLog) -> Iterator[Attack]:
    """The same on a selection: what it shows has to be in the log, in order, and what was asked for."""
    bundle = bundle_bytes(log, Wanted(0, log.size, Filters(actor="mallory")))
    files = unpacked(bundle)
    records, proofs = list(entries(files[RECORDS])), files[PROOF].split(b"\n")[:-1]
    yield "said to be complete", said(bundle, proves="completeness", filters={})
    yield "another filter", said(bundle, filters={"actor": "root"})
    yield "no filter", said(bundle, filters={})
    yield "a filter that makes no sense", said(bundle, filters={"actor": ["mallory"]})
    for at in range(0, len(records), 3):
        edited = [*records[:at], tampered(records[at]), *records[at + 1 :]]
        yield f"selected record {at} edited", changed(bundle, records=entry_bundle(edited))
        yield (
            f"selected record {at} without its proof",
            changed(bundle, proof=b"".join(p + b"\n" for p in proofs[:at] + proofs[at + 1 :])),
        )
        yield (
            f"selected record {at} left in the readings only",
            changed(bundle, records=entry_bundle(records[:at] + records[at + 1 :])),
        )
    order = [*records[1:], records[0]]
    turned = changed(bundle, records=entry_bundle(order), proof=b"".join(p + b"\n" for p in [*proofs[1:], proofs[0]]))
    yield "selected records in another order", turned
    yield "a proof too many", changed(bundle, proof=files[PROOF] + proofs[0] + b"\n")
    stranger = next(row.record for row in log.rows_there[5:] if row.record not in records)
    assert isinstance(stranger, bytes)
    yield "a record that was not asked for", changed(bundle, records=entry_bundle([*records, stranger]))


def others(log: HonestLog) -> Iterator[Attack]:
    """Honest bundles that say nothing under this log's key."""
    foreign = HonestLog(rooted=log.rooted)
    foreign.grow(8)
    files = unpacked(bundle_bytes(foreign, Wanted(0, 5)))
    renamed = {
        name: data.replace(ORIGIN.encode(), b"storectl.local/elsewhere"[: len(ORIGIN)]) for name, data in files.items()
    }
    yield "another host's, renamed", packed(renamed)


def corpus(log: HonestLog, *, dense: int = 400) -> Iterator[Attack]:
    """All of it on one log whose keys changed."""
    start, stop = 9, 19
    bundle = bundle_bytes(log, Wanted(start, stop))
    yield from damage(bundle, dense=dense)
    yield from containers(bundle)
    yield from forgeries(log, start, stop)
    yield from selections(log)
    yield from others(log)


# What a forger does to one thing


def tampered(record: bytes) -> bytes:
    parts = decode_record(record)
    body = encode_body(read_body(parts.body)._replace(payload=msgpack.packb({"name": "another"})))
    return encode_record(Record(body, parts.key_id, parts.signature))


def resigned(record: bytes, key: KeySigner) -> bytes:
    body = decode_record(record).body
    return encode_record(Record(body, key_id(event_key_name(ORIGIN), key.public_key), key.sign(pae(body))))


def swapped_key(record: bytes) -> bytes:
    """Another public key in the payload, the same length."""
    parts = decode_record(record)
    body = read_body(parts.body)
    fields = msgpack.unpackb(body.payload, raw=False)
    keys = [name for name, value in fields.items() if isinstance(value, bytes) and len(value) == 32]
    payload = msgpack.packb(fields | {keys[0]: OTHER_KEY.public_key})
    return encode_record(Record(encode_body(body._replace(payload=payload)), parts.key_id, parts.signature))


def broken_signature(note: bytes) -> bytes:
    head, _, last = note.rpartition(b" ")
    data = bytearray(base64.b64decode(last))
    data[-1] ^= 1
    return head + b" " + base64.b64encode(bytes(data)) + b"\n"


def relisted(lines: list[bytes], at: int, line: dict[str, Any]) -> bytes:
    return b"".join(one + b"\n" for one in [*lines[:at], json.dumps(line).encode(), *lines[at + 1 :]])


def relined(files: Mapping[str, bytes], lines: list[bytes], row: int, record: bytes) -> list[bytes]:
    """events.jsonl with the forged record in its line."""
    if not 0 <= row < len(lines):
        return lines
    line = json.loads(lines[row]) | {"record": base64.b64encode(record).decode(), "data": {"name": "another"}}
    return [*lines[:row], json.dumps(line, ensure_ascii=False).encode(), *lines[row + 1 :]]


def write(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path
