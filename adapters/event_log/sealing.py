"""A batch of events made part of the log: chained, signed, hashed into the tree, under a new signed checkpoint."""

import os
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import groupby
from typing import NamedTuple

from adapters.event_log.head import HeadRow
from adapters.event_log.signing import Signing, replacement
from domain.ledger.checkpoint import Checkpoint, sign_checkpoint
from domain.ledger.entry import Entry
from domain.ledger.key_changes import KEY_STREAM, Rotated, parse_key_change
from domain.ledger.keys import Signer, event_key_name, key_id
from domain.ledger.record import (
    VERSION,
    Body,
    Record,
    body_hash,
    encode_body,
    encode_record,
    entry_of,
    leaf_hash,
    pae,
)

PARALLEL_FROM = 64  # signatures; below, starting threads takes longer than they save


@dataclass(frozen=True, slots=True)
class Terms:
    """What an append says beside its events: the size that it was decided on (None: any), who, and when.

    `schemas` holds one number for each event. `sealed` gets what was made of them, since the library's recorder hands
    back positions only.
    """

    expected: int | None
    actor: str
    operation: str
    now_us: int
    schemas: Sequence[int]
    sealed: list["Sealed"] = field(default_factory=list)


class Unsealed(NamedTuple):
    stream: str
    stream_version: int
    kind: str
    payload: bytes


class SealedRow(NamedTuple):
    """One row of `stored_events`, in the order of its columns."""

    position: int
    stream: str
    stream_version: int
    kind: str
    record: bytes
    leaf_hash: bytes


class Sealed(NamedTuple):
    """The rows to insert, the head that then stands, and the events as whoever appends them gets them back."""

    rows: tuple[SealedRow, ...]
    head: HeadRow
    entries: tuple[Entry, ...]


def seal(head: HeadRow, events: Sequence[Unsealed], terms: Terms, signing: Signing) -> Sealed:
    """The rows to insert and the head that then stands. Raises BadInput for an event that cannot be recorded.

    Times are max(now, the last event's + 1 µs): a clock that was set back does not turn the log's order round.
    """
    bodies: list[bytes] = []
    contents: list[Body] = []
    prev, time_us = head.prev, head.time_us
    for index, (event, schema) in enumerate(zip(events, terms.schemas, strict=True), head.size):
        time_us = max(terms.now_us, time_us + 1)
        body = Body(
            VERSION, head.origin, index, prev, event.stream, event.stream_version, event.kind, schema, time_us,
            terms.actor, terms.operation, event.payload,
        )  # fmt: skip
        contents.append(body)
        bodies.append(encode_body(body))
        prev = body_hash(bodies[-1])
    signers, log_signers = _signers(events, terms, signing)
    signed: list[Record] = []
    for signer, group in groupby(zip(signers, bodies, strict=True), key=lambda pair: pair[0]):
        some = [body for _, body in group]
        identity = key_id(event_key_name(head.origin), signer.public_key)
        signed += [
            Record(body, identity, signature) for body, signature in zip(some, _signatures(some, signer), strict=True)
        ]
    records = [encode_record(record) for record in signed]
    leaves = [leaf_hash(record) for record in records]
    rows = tuple(
        SealedRow(position, event.stream, event.stream_version, event.kind, record, leaf)
        for position, (event, record, leaf) in enumerate(zip(events, records, leaves, strict=True), head.size + 1)
    )
    frontier = head.frontier.extended(leaves)
    note = sign_checkpoint(Checkpoint(head.origin, frontier.size, frontier.root()), *log_signers)
    entries = tuple(map(entry_of, contents, signed, leaves))
    return Sealed(rows, HeadRow(head.origin, frontier.size, prev, time_us, frontier, note), entries)


def _signers(events: Sequence[Unsealed], terms: Terms, signing: Signing) -> tuple[list[Signer], list[Signer]]:
    """Who signs each event, and who the checkpoint that covers them: keys change in the middle of a log only here.

    An event key that is handed on signs that itself, one that the root adds signs its own coming. Both log keys sign
    the checkpoint of a commit that hands one on to the other.
    """
    if not any(event.stream == KEY_STREAM for event in events):
        return [signing.of_event()] * len(events), [signing.of_log()]
    signers: list[Signer] = []
    handed_on: list[Signer] = []
    for event, schema in zip(events, terms.schemas, strict=True):
        if event.stream == KEY_STREAM:
            change = parse_key_change(event.stream, event.kind, schema, event.payload)
            rotated = isinstance(change, Rotated)
            if rotated and change.role == "log":
                handed_on.append(signing.of_log())
            before, signing = signing, signing.changed(change)
            own = replacement(change) is not None and change.role == "event" and not rotated
            signers.append((signing if own else before).of_event())
        else:
            signers.append(signing.of_event())
    return signers, [*handed_on, signing.of_log()]


def _signatures(bodies: Sequence[bytes], signer: Signer) -> list[bytes]:
    def sign(some: Sequence[bytes]) -> list[bytes]:
        return [signer.sign(pae(body)) for body in some]

    threads = min(os.cpu_count() or 1, 8) if len(bodies) >= PARALLEL_FROM else 1
    if threads == 1:
        return sign(bodies)
    share = -(-len(bodies) // threads)
    shares = [bodies[at : at + share] for at in range(0, len(bodies), share)]
    with ThreadPoolExecutor(threads - 1) as pool:
        others = [pool.submit(sign, some) for some in shares[1:]]
        return [*sign(shares[0]), *(signature for other in others for signature in other.result())]
