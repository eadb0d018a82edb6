"""Bundles cut, padded, flipped, and put into containers of other kinds: what needs no knowledge of the evidence."""

import gzip
import hashlib
import json
from collections.abc import Iterator, Mapping
from itertools import combinations
from typing import Any

from adapters.files.archive import header
from domain.bundle.manifest import (
    MANIFEST,
    MEMBERS,
    RECORDS,
)

Attack = tuple[str, bytes]
_BLOCK = 512


def unpacked(bundle: bytes) -> dict[str, bytes]:
    """The members of an honest bundle."""
    found, at = {}, 0
    for name in MEMBERS:
        size = int(bundle[at + 124 : at + 135], 8)
        found[name] = bundle[at + _BLOCK : at + _BLOCK + size]
        at += _BLOCK + size + -size % _BLOCK
    return found


def packed(members: Mapping[str, bytes], *, hashes: bool = True) -> bytes:
    """A bundle of these members in this order, with a manifest that has their hashes."""
    files = dict(members)
    if hashes:
        said = json.loads(files[MANIFEST])
        said["files"] = {
            name: {"bytes": len(files[name]), "sha256": hashlib.sha256(files[name]).hexdigest()}
            for name in MEMBERS[:-1] if name in files
        }  # fmt: skip
        files[MANIFEST] = json.dumps(said, indent=1, ensure_ascii=False).encode() + b"\n"
    return b"".join(
        header(name, len(data)) + data + bytes(-len(data) % _BLOCK) for name, data in files.items()
    ) + bytes(1024)


def changed(bundle: bytes, **members: bytes) -> bytes:
    """The bundle with some members replaced; keyword names have _ for . and -."""
    files = unpacked(bundle)
    names = {name.replace(".", "_").replace("-", "_"): name for name in MEMBERS}
    return packed(files | {names[name]: data for name, data in members.items()})


def said(bundle: bytes, **changes: Any) -> bytes:
    """The manifest with other claims."""
    files = unpacked(bundle)
    files[MANIFEST] = json.dumps(json.loads(files[MANIFEST]) | changes, indent=1, ensure_ascii=False).encode() + b"\n"
    return packed(files)


def damage(bundle: bytes, *, dense: int = 400) -> Iterator[Attack]:
    """Cut, padded and flipped: `dense` places in each, and every structural one."""
    edges = {0, len(bundle) - 1, len(bundle) - 512, len(bundle) - 1024, len(bundle) - 1025}
    at = 0
    for name, data in unpacked(bundle).items():
        edges |= {at, at + 1, at + _BLOCK, at + _BLOCK + len(data), at + _BLOCK + len(data) - 1} - {-1}
        at += _BLOCK + len(data) + -len(data) % _BLOCK
        assert name
    stride = max(1, len(bundle) // dense)
    for cut in sorted(edges | set(range(0, len(bundle), stride))):
        yield f"cut at byte {cut}", bundle[:cut]
    for place in sorted(edges | set(range(stride // 2, len(bundle), stride))):
        for bit in (0, 5):
            flipped = bytearray(bundle)
            flipped[place] ^= 1 << bit
            yield f"bit {bit} of byte {place} flipped", bytes(flipped)
    for pad in (b"\0", bytes(512), bytes(10240 - len(bundle) % 10240), b"x", bundle):
        yield f"padded with {len(pad)} bytes of {pad[:1]!r}", bundle + pad
    yield "something before it", bytes(512) + bundle


def containers(bundle: bytes) -> Iterator[Attack]:
    """What tar can do, and a bundle must not."""
    files = unpacked(bundle)
    for one, other in combinations(range(len(MEMBERS)), 2):
        if other - one in (1, 5):
            order = list(MEMBERS)
            order[one], order[other] = order[other], order[one]
            yield (
                f"{order[other]} and {order[one]} change places",
                packed({name: files[name] for name in order}, hashes=False),
            )
    for name in MEMBERS:
        yield f"without {name}", packed({other: data for other, data in files.items() if other != name}, hashes=False)
        whole = packed(files)
        block = header(name, len(files[name]))
        yield f"{name} twice", whole.replace(block, block + files[name] + bytes(-len(files[name]) % _BLOCK) + block, 1)
    for evil in ("../records", "/etc/passwd", "records/..", "./records", "Records", "records ", "x" * 99):
        yield (
            f"records is called {evil}",
            whole.replace(header(RECORDS, len(files[RECORDS])), header(evil, len(files[RECORDS])), 1),
        )
    for kind in b"1234567xgLKSD":
        crafted = bytearray(header(RECORDS, len(files[RECORDS])))
        crafted[156] = kind
        crafted[148:156] = b" " * 8
        crafted[148:156] = b"%06o\0 " % sum(crafted)
        yield f"records is of type {chr(kind)}", whole.replace(header(RECORDS, len(files[RECORDS])), bytes(crafted), 1)
    for size in (8**11 - 1, len(files[RECORDS]) + 512, len(files[RECORDS]) - 1, 0):
        yield (
            f"records says that it takes {size} bytes",
            whole.replace(header(RECORDS, len(files[RECORDS])), header(RECORDS, size), 1),
        )
    crafted = bytearray(header(RECORDS, 0))
    crafted[124:136] = b"\x80" + bytes(3) + (1 << 62).to_bytes(8, "big")
    yield "records has a size in base 256", whole.replace(header(RECORDS, len(files[RECORDS])), bytes(crafted), 1)
    yield "compressed", gzip.compress(bundle, mtime=0)
    yield "empty", b""
