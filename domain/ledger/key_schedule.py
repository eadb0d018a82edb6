"""Which key may sign what, learnt from the log's own events in their order.

    event key   the event at index i                  log key   the checkpoint of size n

The first event brings one of each. Each change hands on, or lets the root replace, the key in force; a key that was
replaced never comes back. A revocation takes nothing away from what may sign where: it says which signatures nobody
can be held to. Those are `unattributable`, and what a revoked key handed on after its last good position, too.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace

from domain.errors import BadInput
from domain.ledger.key_changes import (
    Added,
    KeyChange,
    Revoked,
    Role,
    Rotated,
    is_about_keys,
    parse_key_change,
    statement_of,
)
from domain.ledger.keys import Genesis, Verify, event_key_name, key_id, parse_genesis


@dataclass(frozen=True, slots=True)
class KeySpan:
    """One key's time. For event keys `first` and `last` are indexes, for log keys sizes; both may sign, and None is
    "still in force". `since` is the index of the event that brought it, `handed_on_by` the key that rotated to it.
    `revoked` is the last good position, where it was revoked.
    """

    role: Role
    key: bytes
    key_id: bytes
    since: int
    first: int
    last: int | None = None
    handed_on_by: bytes | None = None
    revoked: int | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Unattributable:
    """Events at positions `first` to `last`, signed with `key` after it was no longer only its owner's."""

    first: int
    last: int
    key_id: bytes
    reason: str


class KeySchedule:
    """Give each event to `learn` before its own signature is looked up: some are signed by the key that they bring.

    Without `verify` the signatures inside key events are not checked: for showing keys, never for trusting them.
    """

    def __init__(self, verify: Verify | None = None) -> None:
        self.genesis: Genesis | None = None
        self.changes = 0  # events of the stream `keys`
        self._verify = verify
        self._spans: dict[Role, list[KeySpan]] = {"log": [], "event": []}
        self._certified: set[Role] = set()
        self._events: dict[bytes, tuple[int, int | None, bytes]] = {}  # what event_key looks up: id → first, last, key

    # Learning

    def learn(self, index: int, stream: str, kind: str, schema: int, payload: bytes) -> None:
        """Take in one event, whatever it is about. Raises BadInput where the log must not say that, and UnknownFormat
        for a change of keys that a newer version knows; then nothing is taken in.
        """
        if index == 0:
            self._begin(parse_genesis(kind, payload))
        elif is_about_keys(stream, kind):
            self._change(index, parse_key_change(stream, kind, schema, payload))
            self.changes += 1

    def _begin(self, genesis: Genesis) -> None:
        self.genesis = genesis
        log_id = key_id(genesis.origin, genesis.log_key)
        event_id = key_id(event_key_name(genesis.origin), genesis.event_key)
        self._spans["log"] = [KeySpan("log", genesis.log_key, log_id, 0, 1)]
        self._spans["event"] = [KeySpan("event", genesis.event_key, event_id, 0, 0)]
        self._index_events()

    def _change(self, index: int, change: KeyChange) -> None:
        genesis = self._begun()
        signers: list[tuple[bytes, bytes]]
        if isinstance(change, Rotated):
            self._require_in_force(change.role, change.old_key)
            self._require_new(change.role, change.new_key)
            signers = [(change.old_key, change.old_signature), (change.new_key, change.new_signature)]
        elif genesis.root_key is None:
            raise BadInput("it needs the root key's signature, and the log has no root key")
        elif isinstance(change, Revoked):
            self._require_revocable(index, change)
            signers = [(genesis.root_key, change.root_signature)]
        else:
            self._require_addable(index, change)
            signers = [(genesis.root_key, change.root_signature), (change.key, change.key_signature)]
        signed = statement_of(change, genesis.origin, index, genesis.root_key).signed_bytes()
        if self._verify and not all(self._verify(key, signature, signed) for key, signature in signers):
            raise BadInput("a signature under its change of keys does not hold")
        self._apply(index, change)

    def _apply(self, index: int, change: KeyChange) -> None:
        spans = self._spans[change.role]
        if isinstance(change, Revoked):
            for number, span in enumerate(spans):
                if span.key == change.key and (span.revoked is None or change.last_good < span.revoked):
                    spans[number] = replace(span, revoked=change.last_good, reason=change.reason)
            return
        if isinstance(change, Added) and change.replaces is None:
            self._certified.add(change.role)
            return
        new = change.new_key if isinstance(change, Rotated) else change.key
        rotated = isinstance(change, Rotated)
        # A rotation of the event key is signed by the old one, an addition by the new one. The checkpoint of the
        # commit that hands the log key on is signed by both, so the old key's last size is that one.
        event_first = index + 1 if rotated else index
        first, last = (event_first, event_first - 1) if change.role == "event" else (index + 1, index + rotated)
        spans[-1] = replace(spans[-1], last=last)
        spans.append(
            KeySpan(
                change.role, new, self._id(change.role, new), index, first,
                handed_on_by=change.old_key if isinstance(change, Rotated) else None,
            )
        )  # fmt: skip
        self._index_events()

    def _require_in_force(self, role: Role, key: bytes) -> None:
        if self._spans[role][-1].key != key:
            raise BadInput(f"it hands on {role} key {self._id(role, key).hex()}, which is not the one in force")

    def _require_new(self, role: Role, key: bytes) -> None:
        spans = [span for some in self._spans.values() for span in some]
        identity = self._id(role, key)
        if key == self._begun().root_key or any(span.key == key for span in spans):
            raise BadInput(f"its new {role} key is not new to this log")
        if any(span.role == role and span.key_id == identity for span in spans):
            raise BadInput(f"its new {role} key has the id of an earlier one, {identity.hex()}")

    def _require_addable(self, index: int, change: Added) -> None:
        if change.replaces is not None:
            self._require_in_force(change.role, change.replaces)
            self._require_new(change.role, change.key)
        elif (change.role, index) not in (("log", 1), ("event", 2)) or self._spans[change.role][-1].key != change.key:
            raise BadInput("the root certifies the first event's log key at event 2 and its event key at 3, no other")

    def _require_revocable(self, index: int, change: Revoked) -> None:
        span = next((span for span in self._spans[change.role] if span.key == change.key), None)
        if span is None:
            raise BadInput(f"it revokes a {change.role} key that this log never had")
        if span.last is None:
            raise BadInput(f"it revokes the {change.role} key {span.key_id.hex()}, which is still in force")
        if not 0 <= change.last_good <= index:
            raise BadInput(f"its last good position {change.last_good} is not one before it")

    # Asking

    def event_key(self, index: int, identity: bytes) -> bytes | None:
        """The public key of that id, if it may sign the event at `index`."""
        first, last, key = self._events.get(identity, (0, -1, None))
        return key if index >= first and (last is None or index <= last) else None

    def log_key(self, size: int) -> bytes | None:
        """The public key that the checkpoint of that size has to be signed with; None before the first event."""
        return next((span.key for span in reversed(self._spans["log"]) if span.first <= size), None)

    def current(self, role: Role) -> bytes:
        """The public key in force after the last event learnt. Raises BadInput before the first event."""
        self._begun()
        return self._spans[role][-1].key

    def spans(self, role: Role) -> tuple[KeySpan, ...]:
        """Every key of that role, the oldest first."""
        return tuple(self._spans[role])

    def require_certified(self) -> None:
        """Raises BadInput where the log names a root key that did not certify the first event's keys."""
        if self._begun().root_key is not None and len(self._certified) != 2:
            raise BadInput("the root key that the first event names does not certify its keys")

    def tainted(self, span: KeySpan) -> int | None:
        """The last position (for log keys: size) that the key's signature answers for; None: all.

        A key that a revoked one handed on after its last good position was never anybody's: 0.
        """
        by = next((other for other in self._spans[span.role] if other.key == span.handed_on_by), None)
        limit = self.tainted(by) if by is not None else None
        if limit is not None and span.since + 1 > limit:
            return 0
        return span.revoked

    def unattributable(self, size: int) -> tuple[Unattributable, ...]:
        """The events among the first `size` that nobody can be held to."""
        return tuple(self._unattributable(size))

    def _unattributable(self, size: int) -> Iterator[Unattributable]:
        for span in self._spans["event"]:
            limit = self.tainted(span)
            last = min(size, size if span.last is None else span.last + 1)
            if limit is not None and max(limit, span.first) < last:
                reason = span.reason or "handed on by a revoked key"
                yield Unattributable(max(limit, span.first) + 1, last, span.key_id, reason)

    def _begun(self) -> Genesis:
        if self.genesis is None:
            raise BadInput("nothing is known of the log's keys before its first event")
        return self.genesis

    def _id(self, role: Role, key: bytes) -> bytes:
        origin = self._begun().origin
        return key_id(origin if role == "log" else event_key_name(origin), key)

    def _index_events(self) -> None:
        self._events = {span.key_id: (span.first, span.last, span.key) for span in self._spans["event"]}
