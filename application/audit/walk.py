"""The way through a log's rows: what has to hold from one event to the next."""

from application.audit.signature_checks import SignatureChecks
from application.audit.verdict import MAX_FINDINGS, Finding
from domain.errors import BadInput, StoreError, UnknownFormat
from domain.ledger.bulk import decode_canonical
from domain.ledger.key_changes import is_about_keys
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Verify
from domain.ledger.merkle import Growing
from domain.ledger.raw import RawRow
from domain.ledger.record import FIRST_PREV, Body, body_hash, leaf_hash
from domain.ledger.verified import KeyEvent, VerifiedState


class Walk:
    """The state between one row and the next; what is wrong becomes findings, what is not understood doubts.

    `remember` are sizes at which the tree's root will be asked for.
    """

    def __init__(
        self, verify: Verify, checks: SignatureChecks | None, remember: set[int], start: VerifiedState | None = None
    ) -> None:
        self._checks = checks
        self._remember = remember
        self._streams: dict[str, int] = {}
        self._start = start
        self._keys_unknown = False
        self.origin = start.origin if start else None
        self.schedule = start.schedule(verify) if start else KeySchedule(verify)
        self.key_events: list[KeyEvent] = list(start.key_events) if start else []
        self.findings: list[Finding] = []
        self.doubts: list[Finding] = []
        self.tree = Growing(start.frontier if start else None)
        self.rows = start.size if start else 0
        self.next_position = self.rows + 1
        self.prev: bytes | None = start.prev if start else FIRST_PREV  # None after a gap: nothing to compare with
        self.time_us = start.time_us if start else -1
        self.roots: dict[int, bytes] = {self.rows: self.tree.frontier().root()}

    @property
    def last_position(self) -> int:
        return self.next_position - 1

    def find(self, position: int | None, problem: str) -> None:
        if len(self.findings) < MAX_FINDINGS:
            self.findings.append(Finding(position, problem))

    def doubt(self, position: int | None, problem: str) -> None:
        if len(self.doubts) < MAX_FINDINGS:
            self.doubts.append(Finding(position, problem))

    def row(self, row: RawRow) -> None:
        """Take in the next row."""
        self.rows += 1
        if type(row.position) is not int:
            self.find(None, f"a row's position is no number: {row.position!r}")
            return
        if row.position != self.next_position:
            if row.position < self.next_position:
                self.find(row.position, "no event can stand at this position")
                return
            last = row.position - 1
            self.find(self.next_position, "missing" if last == self.next_position else f"missing, up to {last}")
            self.prev = None
        self.next_position = row.position + 1
        try:
            self._event(row)
        except UnknownFormat as error:
            # Nobody wrote what this version cannot read, unless the tree says that somebody else did.
            self.doubt(row.position, error.message)
            self.prev = None
        except StoreError as error:
            self.find(row.position, error.message)
            self.prev = None

    def _event(self, row: RawRow) -> None:
        at, row_stream, row_version, row_kind, data, row_leaf = row
        if type(data) is not bytes:
            raise BadInput("its record is not bytes")
        leaf = leaf_hash(data)
        self.tree.append(leaf)
        if self._remember and self.tree.size in self._remember:
            self.roots[self.tree.size] = self.tree.frontier().root()
        record, body = decode_canonical(data)
        _, origin, index, prev, stream, stream_version, kind, _, time_us, _, _, _ = body
        if self.origin is None:
            self.origin = origin
        version = self._streams.get(stream, stream_version if self._start else 0)
        if (
            index != at - 1 or origin != self.origin or stream != row_stream or stream_version != row_version
            or kind != row_kind or leaf != row_leaf or stream_version != version or time_us <= self.time_us
            or (self.prev is not None and prev != self.prev)
        ):  # fmt: skip
            self._name_what_is_wrong(row, body, leaf, version)
        # Where the bytes are known not to be the ones written, the next event is not blamed for not following them.
        self.prev = body_hash(record.body) if leaf == row_leaf else None
        if time_us > self.time_us:
            self.time_us = time_us
        self._streams[stream] = stream_version + 1
        if not index or is_about_keys(stream, kind):
            self._learn(at, body)
        public_key = self.schedule.event_key(index, record.key_id)
        if public_key is None:
            if self._keys_unknown:
                raise UnknownFormat(f"the key {record.key_id.hex()} is not known to this version")
            raise BadInput(f"the key {record.key_id.hex()} may not sign here")
        if self._checks:
            self._checks.add(at, public_key, record.signature, record.body)

    def _learn(self, position: int, body: Body) -> None:
        """The keys are learnt before the event's own signature: some events are signed by the key that they bring."""
        event = KeyEvent(body.leaf_index, body.stream, body.kind, body.schema, body.payload)
        try:
            self.schedule.learn(*event)
        except UnknownFormat as error:
            self._keys_unknown = True
            self.doubt(position, error.message)
        except BadInput as error:
            self.find(position, error.message)
        else:
            self.key_events.append(event)

    def _name_what_is_wrong(self, row: RawRow, body: Body, leaf: bytes, version: int) -> None:
        columns = (row.stream, row.stream_version, row.kind)
        for holds, problem in (
            (body.leaf_index == row.position - 1, f"it was signed for position {body.leaf_index + 1}"),
            (leaf == row.leaf_hash, "its leaf hash is not that of its record"),
            ((body.stream, body.stream_version, body.kind) == columns, "its columns do not say what its record says"),
            (body.origin == self.origin, f"it belongs to the log {body.origin!r}"),
            (self.prev in (None, body.prev), "it does not follow the event before it"),
            (body.time_us > self.time_us, "it is not later than the event before it"),
            (body.stream_version == version, f"version {body.stream_version} of its stream instead of {version}"),
        ):
            if not holds:
                self.find(row.position, problem)
