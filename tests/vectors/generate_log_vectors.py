"""Writes tests/vectors/log/*: the log's formats on fixed keys and events.

Made from docs/reference/log-format.md alone: nothing of storectl is imported, so that the vectors check the program
instead of repeating it. Run it from the project's directory: `python tests/vectors/generate_log_vectors.py`.
"""

import base64
import hashlib
import json
from pathlib import Path
from typing import Any

import msgpack
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

HERE = Path(__file__).parent / "log"
ORIGIN = "storectl.example/0c3e4d5a-6b7c-4d8e-9f01-23456789abcd"
PAYLOAD_TYPE = b"application/vnd.storectl.event.v1+msgpack"
LOG_SEED, EVENT_SEED = bytes(range(32)), bytes(range(32, 64))


def sha256(data: bytes) -> bytes:
    return hashlib.sha256(data).digest()


def public(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)


def key_id(name: str, key: bytes) -> bytes:
    return sha256(name.encode() + b"\x0a\x01" + key)[:4]


def vkey(name: str, key: bytes) -> str:
    return f"{name}+{key_id(name, key).hex()}+{base64.b64encode(bytes([1]) + key).decode()}"


def tree(leaves: list[bytes]) -> bytes:
    """MTH of RFC 9162, 2.1.1, word for word."""
    if not leaves:
        return sha256(b"")
    if len(leaves) == 1:
        return leaves[0]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    return sha256(b"\x01" + tree(leaves[:split]) + tree(leaves[split:]))


def path(index: int, leaves: list[bytes]) -> list[bytes]:
    """PATH of RFC 9162, 2.1.3.1."""
    if len(leaves) == 1:
        return []
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if index < split:
        return [*path(index, leaves[:split]), tree(leaves[split:])]
    return [*path(index - split, leaves[split:]), tree(leaves[:split])]


def proof(size: int, leaves: list[bytes], whole: bool = True) -> list[bytes]:
    """SUBPROOF of RFC 9162, 2.1.4.1."""
    if size == len(leaves):
        return [] if whole else [tree(leaves)]
    split = 1
    while split * 2 < len(leaves):
        split *= 2
    if size <= split:
        return [*proof(size, leaves[:split], whole), tree(leaves[split:])]
    return [*proof(size - split, leaves[split:], False), tree(leaves[:split])]


def events(log_key: bytes, event_key: bytes) -> list[tuple[str, int, str, int, int, str, str, bytes]]:
    genesis = {
        "event_key": event_key, "log_key": log_key, "origin": ORIGIN, "root_key": None,
        "store": "0c3e4d5a-6b7c-4d8e-9f01-23456789abcd",
    }  # fmt: skip
    first = ("store", 0, "store.initialised", 1, 1_764_000_000_000_000, "uid=0", "", msgpack.packb(genesis))
    image = "image/" + "ab" * 32
    return [
        first,
        (image, 0, "image.pulled", 1, 1_764_000_000_000_001, "uid=0", "00112233aabbccdd", b"\x80"),
        ("store", 1, "stateroot.created", 1, 1_764_000_001_000_000, "uid=0", "00112233aabbccdd", b""),
        (image, 1, "image.bound", 2, 1_764_000_001_000_001, "uid=1000 (José)", "", bytes(range(256))),
        ("layer/größe", 0, "layer.referenced", 65_535, 2**63 - 2, "systemd", "", b"x" * 1000),
    ]


STATEMENT_TYPE = b"application/vnd.storectl.key-statement.v1+msgpack"
KEYED_ORIGIN = "storectl.example/keyed"
# Private keys of the log whose keys change: name → seed.
SEEDS = {
    name: bytes([number]) * 32 for number, name in enumerate(("root", "log1", "event1", "log2", "event2", "event3"), 1)
}


def keyed_log() -> dict[str, Any]:
    """A log with a root key: certified, both keys rotated, the event key replaced by the root, the old one revoked."""
    key = {name: Ed25519PrivateKey.from_private_bytes(seed) for name, seed in SEEDS.items()}
    pub = {name: public(private) for name, private in key.items()}

    def signed(index: int, action: str, role: str, old: bytes, new: bytes, last_good: int = 0, reason: str = "") -> Any:
        fields = [1, action, KEYED_ORIGIN, index, role, pub["root"], old, new, last_good, reason]
        statement = msgpack.packb(fields)
        data = b"DSSEv1 %d %s %d %s" % (len(STATEMENT_TYPE), STATEMENT_TYPE, len(statement), statement)
        return lambda name: key[name].sign(data)

    def added(index: int, role: str, name: str, replaces: str | None) -> dict[str, Any]:
        sign = signed(index, "add", role, pub[replaces] if replaces else b"", pub[name])
        return {
            "role": role, "key": pub[name], "replaces": pub[replaces] if replaces else None,
            "key_signature": sign(name), "root_signature": sign("root"),
        }  # fmt: skip

    def rotated(index: int, role: str, old: str, new: str) -> dict[str, Any]:
        sign = signed(index, "rotate", role, pub[old], pub[new])
        return {
            "role": role, "old_key": pub[old], "new_key": pub[new], "old_signature": sign(old),
            "new_signature": sign(new),
        }  # fmt: skip

    genesis = {
        "store": "keyed", "origin": KEYED_ORIGIN, "log_key": pub["log1"], "event_key": pub["event1"],
        "root_key": pub["root"],
    }  # fmt: skip
    reason = "the disk was stolen"
    revoked = {
        "role": "event", "key": pub["event2"], "last_good": 6, "reason": reason,
        "root_signature": signed(8, "revoke", "event", pub["event2"], b"", 6, reason)("root"),
    }  # fmt: skip
    plan: list[tuple[str, str, dict[str, Any], str, list[str]]] = [  # stream, kind, payload, event key, log keys
        ("store", "store.initialised", genesis, "event1", ["log1"]),
        ("keys", "key.added", added(1, "log", "log1", None), "event1", ["log1"]),
        ("keys", "key.added", added(2, "event", "event1", None), "event1", ["log1"]),
        ("keys", "key.rotated", rotated(3, "event", "event1", "event2"), "event1", ["log1"]),
        ("keys", "key.rotated", rotated(4, "log", "log1", "log2"), "event2", ["log1", "log2"]),
        ("store", "stateroot.created", {"stateroot": "a"}, "event2", ["log2"]),
        ("store", "stateroot.created", {"stateroot": "b"}, "event2", ["log2"]),
        ("keys", "key.added", added(7, "event", "event3", "event2"), "event3", ["log2"]),
        ("keys", "key.revoked", revoked, "event3", ["log2"]),
    ]
    records: list[str] = []
    notes: list[str] = []
    leaves: list[bytes] = []
    prev = bytes(32)
    versions: dict[str, int] = {}
    for index, (stream, kind, payload, signer, log_keys) in enumerate(plan):
        version = versions[stream] = versions.get(stream, -1) + 1
        time_us = 1_764_000_000_000_000 + index
        body = msgpack.packb(
            [1, KEYED_ORIGIN, index, prev, stream, version, kind, 1, time_us, "uid=0", "", msgpack.packb(payload)]
        )
        pae = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(body), body)
        record = msgpack.packb([body, key_id(f"{KEYED_ORIGIN}/event", pub[signer]), key[signer].sign(pae)])
        prev = sha256(body)
        records.append(record.hex())
        leaves.append(sha256(b"\x00" + record))
        text = f"{KEYED_ORIGIN}\n{index + 1}\n{base64.b64encode(tree(leaves)).decode()}\n"
        lines = (
            base64.b64encode(key_id(KEYED_ORIGIN, pub[name]) + key[name].sign(text.encode())).decode()
            for name in log_keys
        )
        notes.append(text + "\n" + "".join(f"— {KEYED_ORIGIN} {line}\n" for line in lines))
    return {
        "seeds": {name: seed.hex() for name, seed in SEEDS.items()},
        "root_vkey": vkey(f"{KEYED_ORIGIN}/root", pub["root"]),
        "log_vkeys": [vkey(KEYED_ORIGIN, pub["log1"]), vkey(KEYED_ORIGIN, pub["log2"])],
        "records": records, "checkpoints": notes, "unattributable": [7, 7],
    }  # fmt: skip


def main() -> None:
    log, event = (Ed25519PrivateKey.from_private_bytes(seed) for seed in (LOG_SEED, EVENT_SEED))
    event_name = f"{ORIGIN}/event"
    identity = key_id(event_name, public(event))
    rows: list[dict[str, Any]] = []
    leaves: list[bytes] = []
    prev = bytes(32)
    for index, (stream, version, kind, schema, time_us, actor, operation, payload) in enumerate(
        events(public(log), public(event))
    ):
        body = msgpack.packb(
            [1, ORIGIN, index, prev, stream, version, kind, schema, time_us, actor, operation, payload]
        )
        pae = b"DSSEv1 %d %s %d %s" % (len(PAYLOAD_TYPE), PAYLOAD_TYPE, len(body), body)
        record = msgpack.packb([body, identity, event.sign(pae)])
        leaves.append(sha256(b"\x00" + record))
        rows.append({
            "index": index, "prev": prev.hex(), "stream": stream, "stream_version": version, "kind": kind,
            "schema": schema, "time_us": time_us, "actor": actor, "operation": operation, "payload": payload.hex(),
            "body": body.hex(), "pae": pae.hex(), "record": record.hex(), "leaf_hash": leaves[-1].hex(),
        })  # fmt: skip
        prev = sha256(body)
    write("keys.json", {
        "origin": ORIGIN, "log_seed": LOG_SEED.hex(), "event_seed": EVENT_SEED.hex(),
        "log_key": public(log).hex(), "event_key": public(event).hex(), "event_key_id": identity.hex(),
        "log_vkey": vkey(ORIGIN, public(log)), "event_vkey": vkey(event_name, public(event)),
    })  # fmt: skip
    write("records.json", rows)
    write("tree.json", merkle_vectors())
    write("keyed.json", keyed_log())
    for size in range(1, len(leaves) + 1):
        text = f"{ORIGIN}\n{size}\n{base64.b64encode(tree(leaves[:size])).decode()}\n"
        signature = base64.b64encode(key_id(ORIGIN, public(log)) + log.sign(text.encode())).decode()
        (HERE / f"checkpoint-{size}").write_text(f"{text}\n— {ORIGIN} {signature}\n", encoding="utf-8")


def merkle_vectors() -> dict[str, Any]:
    """Roots and proofs over the leaf hashes of the data "0", "1", "2", … up to 20 leaves."""
    leaves = [sha256(b"\x00" + str(number).encode()) for number in range(20)]
    return {
        "roots": [tree(leaves[:size]).hex() for size in range(21)],
        "inclusion": [
            {"index": index, "size": size, "path": [node.hex() for node in path(index, leaves[:size])]}
            for index, size in ((0, 1), (0, 2), (3, 7), (6, 7), (15, 16), (16, 17), (10, 20), (19, 20))
        ],
        "consistency": [
            {"old": old, "size": size, "proof": [node.hex() for node in proof(old, leaves[:size])]}
            for old, size in ((1, 1), (1, 2), (3, 7), (4, 7), (6, 8), (8, 20), (13, 20), (19, 20))
        ],
    }


def write(name: str, content: object) -> None:
    (HERE / name).write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
