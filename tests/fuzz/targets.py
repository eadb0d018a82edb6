"""Every parser of what comes from outside, as a function of bytes: it returns, or raises an error of domain/errors.py.

Shared by the hypothesis test (`make test`, `make soak`) and by the coverage-guided one (tests/fuzz/guided.py).
"""

import atexit
import base64
import json
import shutil
import tempfile
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

import msgpack

from adapters.containers.records import read_store
from adapters.files.archive import Archive, header
from adapters.keys import ed25519
from application.audit.bundle_checking import check_bundle
from application.audit.bundle_evidence import BundleTrust
from application.audit.exporting import Wanted
from domain.bundle.manifest import MEMBERS, Filters
from domain.bundle.rows import data_of
from domain.errors import StoreError
from domain.kernel_arguments import parse_karg, split_kargs
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.key_changes import parse_key_change
from domain.ledger.keys import parse_genesis, parse_vkey
from domain.ledger.merkle import Frontier
from domain.ledger.policy import parse_policy
from domain.ledger.record import decode_body, decode_record
from domain.ledger.tiles import entries
from domain.ledger.tlog_proof import parse_tlog_proof
from domain.ledger.verified import VerifiedState, parse_state, state_text
from domain.manifests import parse_manifest
from domain.quadlet_files import parse_unit
from domain.references import parse_reference, parse_source
from domain.times import parse_time, parse_until
from projections.graph_state import load
from storectl import verify_bundle
from tests.support.bundles import HonestLog, a_log, bundle_bytes
from tests.support.logs import ORIGIN


class Target(NamedTuple):
    """One parser, and inputs that it takes, to begin from."""

    parse: Callable[[bytes], object]
    seeds: tuple[bytes, ...]


def _text(data: bytes) -> str:
    return data.decode("utf-8", "surrogateescape")


def _reads(parse: Callable[[str], object]) -> Callable[[bytes], object]:
    return lambda data: parse(_text(data))


_SCRATCH = Path(tempfile.mkdtemp(prefix="storectl-fuzz-"))
atexit.register(shutil.rmtree, _SCRATCH, ignore_errors=True)


def _bundle(data: bytes) -> None:
    """Both verifiers; they may not differ in whether it is verified."""
    path = _SCRATCH / "bundle"
    path.write_bytes(data)
    opened: list[Archive] = []

    def open_bundle() -> Archive:
        opened.append(Archive(path, MEMBERS))
        return opened[0]

    ours = check_bundle(open_bundle, BundleTrust([_LOG.vkey]), ed25519.verify).verdict.verdict
    for archive in opened:
        archive.close()
    theirs = verify_bundle.verdict(path, verify_bundle.Trust(verify_bundle.parse_vkey(str(_LOG.vkey)), None, []))
    assert ours == theirs["verdict"]
    assert (ours == "verified") == (data in (_RANGE, _SELECTION))


def _member(number: int) -> Callable[[bytes], object]:
    """Any bytes as one member of a bundle that is otherwise whole."""
    files = _members(_RANGE)

    def parse(data: bytes) -> None:
        blocks = b""
        for at, (name, content) in enumerate(files.items()):
            content = data if at == number else content
            blocks += header(name, len(content)) + content + bytes(-len(content) % 512)
        _bundle(blocks + bytes(1024))

    return parse


def _members(bundle: bytes) -> dict[str, bytes]:
    found, at = {}, 0
    for name in MEMBERS:
        size = int(bundle[at + 124 : at + 135], 8)
        found[name] = bundle[at + 512 : at + 512 + size]
        at += 512 + size + -size % 512
    return found


def _store(data: bytes) -> None:
    """containers-storage's records."""
    for name in ("images", "layers"):
        directory = _SCRATCH / "store" / f"overlay-{name}"
        directory.mkdir(parents=True, exist_ok=True)
        (directory / f"{name}.json").write_bytes(data if (name == "images") == (b"names" in data) else b"[]")
        (directory / f"{name}.lock").write_bytes(b"x" * 64)
    read_store(_SCRATCH / "store")


def _standalone(parse: Callable[[bytes], object]) -> Callable[[bytes], object]:
    """The verifier's own errors, as it reports them."""

    def run(data: bytes) -> None:
        with suppress(verify_bundle.Wrong, ValueError):
            parse(data)

    return run


_LOG: HonestLog = a_log(8)
_RANGE = bundle_bytes(_LOG, Wanted(2, 9))
_SELECTION = bundle_bytes(_LOG, Wanted(0, _LOG.size, Filters(actor="mallory")))
_RECORD = bytes(_LOG.rows_there[0].record)  # type: ignore[call-overload]
_GENESIS = decode_body(decode_record(_RECORD).body).payload
_FILES = _members(_RANGE)
_NOTE = _FILES["checkpoint"]
_PAYLOAD = msgpack.packb({"role": "log", "key": bytes(32), "last_good": 1, "reason": "x", "root_signature": bytes(64)})
_DIGEST = "sha256:" + "a" * 64
_MANIFEST = json.dumps({
    "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
    "config": {"mediaType": "application/vnd.oci.image.config.v1+json", "digest": _DIGEST, "size": 2},
    "layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar+gzip", "digest": _DIGEST, "size": 3}],
}).encode()  # fmt: skip
_IMAGES = json.dumps([{"id": "a" * 64, "digest": _DIGEST, "names": ["q.io/a:1"], "layer": "b" * 64}]).encode()
_LAYERS = json.dumps([{"id": "b" * 64, "diff-digest": _DIGEST, "diff-size": 3}]).encode()
_STATE = state_text(VerifiedState(ORIGIN, _NOTE.decode(), Frontier(), bytes(32), 5, ())).encode()
_POLICY = (
    "log " + str(_LOG.vkey) + "\nwitness w w.example+" + verify_bundle.key_id("w.example", bytes(32), b"\4").hex() + "+"
    + base64.b64encode(b"\4" + bytes(32)).decode() + "\ngroup g any w\nquorum g\n"
).encode()  # fmt: skip

TARGETS: Mapping[str, Target] = {
    "record": Target(decode_record, (_RECORD,)),
    "body": Target(decode_body, (decode_record(_RECORD).body,)),
    "first event": Target(lambda data: parse_genesis("store.initialised", data), (_GENESIS,)),
    "key event": Target(lambda data: parse_key_change("keys", "key.revoked", 1, data), (_PAYLOAD,)),
    "payload as JSON": Target(lambda data: json.dumps(data_of(data)), (_PAYLOAD,)),
    "note": Target(_reads(parse_note), (_NOTE,)),
    "checkpoint": Target(_reads(parse_checkpoint), (_NOTE.split(b"\n\n")[0] + b"\n",)),
    "verifier key": Target(_reads(parse_vkey), (str(_LOG.vkey).encode(),)),
    "tlog-proof": Target(_reads(parse_tlog_proof), (_FILES["event.tlog-proof"],)),
    "entry bundle": Target(lambda data: list(entries(data)), (_FILES["records"],)),
    "verification state": Target(_reads(parse_state), (_STATE,)),
    "bundle": Target(_bundle, (_RANGE, _SELECTION)),
    **{f"bundle's {name}": Target(_member(at), (_FILES[name],)) for at, name in enumerate(MEMBERS)},
    "verifier's note": Target(_standalone(verify_bundle.parse_note), (_NOTE,)),
    "verifier's event": Target(_standalone(lambda data: verify_bundle.parse_event(data, 1)), (_RECORD,)),
    "policy": Target(parse_policy, (_POLICY,)),
    "verifier's policy": Target(_standalone(verify_bundle.parse_policy), (_POLICY,)),
    "quadlet": Target(lambda data: parse_unit([("a.container", data)]), (b"[Container]\nImage=q.io/a:1\n",)),
    "image reference": Target(_reads(parse_reference), (b"quay.io/o/app:1@" + _DIGEST.encode(),)),
    "image source": Target(_reads(parse_source), (b"docker://quay.io/o/app:1", b"oci:/srv/x:1")),
    "manifest": Target(parse_manifest, (_MANIFEST,)),
    "images.json, layers.json": Target(_store, (_IMAGES, _LAYERS)),
    "kernel argument": Target(_reads(parse_karg), (b"root=/dev/sda1",)),
    "kernel arguments": Target(_reads(split_kargs), (b'a="b c" d',)),
    "time": Target(_reads(lambda text: parse_time(text, 10**15)), (b"2026-11-23T10:00:00Z", b"7d")),
    "time to come": Target(_reads(lambda text: parse_until(text, 10**15)), (b"24h",)),
    "graph cache": Target(load, (msgpack.packb([1, 2, 3]),)),
}


def run(name: str, data: bytes) -> None:
    """One input into one parser: anything but an error of ours comes out."""
    with suppress(StoreError):
        TARGETS[name].parse(data)
