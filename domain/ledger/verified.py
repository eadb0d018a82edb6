"""What a verifier keeps of a log that it verified, so that the next time only what is newer has to be read.

The file is the verifier's own, as his copy of the verifier key is: whoever can write to it decides what he believes.

    {"storectl_verified": 1, "origin": …, "note": the signed checkpoint, "frontier": [base64 of each node, …],
     "prev": base64, "time_us": N, "key_events": [{"leaf_index", "stream", "kind", "schema", "payload": base64}, …]}
"""

import base64
import json
from dataclasses import dataclass
from typing import Any, NamedTuple

from domain.errors import BadInput
from domain.ledger.key_schedule import KeySchedule
from domain.ledger.keys import Verify, from_base64
from domain.ledger.merkle import Frontier

_FORMAT = 1
_HINT = "remove it: the next verification then begins at the first event"


class KeyEvent(NamedTuple):
    """An event that says something about keys, as KeySchedule.learn takes it."""

    leaf_index: int  # not `index`, which every tuple has already
    stream: str
    kind: str
    schema: int
    payload: bytes


@dataclass(frozen=True, slots=True)
class VerifiedState:
    """A log up to `frontier.size` events: the checkpoint that was verified, the last event's body hash (`prev`) and
    time, and the events that the keys followed from.
    """

    origin: str
    note: str
    frontier: Frontier
    prev: bytes
    time_us: int
    key_events: tuple[KeyEvent, ...]

    @property
    def size(self) -> int:
        return self.frontier.size

    def schedule(self, verify: Verify) -> KeySchedule:
        """The keys as they stood. Raises BadInput where the events do not make sense."""
        schedule = KeySchedule(verify)
        for event in self.key_events:
            schedule.learn(*event)
        return schedule


def state_text(state: VerifiedState) -> str:
    """The file's content."""
    document = {
        "storectl_verified": _FORMAT, "origin": state.origin, "note": state.note,
        "frontier": [_encoded(node) for node in state.frontier.nodes], "size": state.size,
        "prev": _encoded(state.prev), "time_us": state.time_us,
        "key_events": [{**event._asdict(), "payload": _encoded(event.payload)} for event in state.key_events],
    }  # fmt: skip
    return json.dumps(document, indent=1, ensure_ascii=False) + "\n"


def parse_state(text: str) -> VerifiedState:
    """The reverse of state_text. Raises BadInput."""
    try:
        read = json.loads(text)
        if read["storectl_verified"] != _FORMAT:
            raise BadInput(f"it is of format {read['storectl_verified']!r}, this program knows {_FORMAT}", hint=_HINT)
        frontier = Frontier(_typed(read["size"], int), tuple(map(_decoded, read["frontier"])))
        events = tuple(
            KeyEvent(
                _typed(event["leaf_index"], int), _typed(event["stream"], str), _typed(event["kind"], str),
                _typed(event["schema"], int), _decoded(event["payload"]),
            )
            for event in read["key_events"]
        )  # fmt: skip
        return VerifiedState(
            _typed(read["origin"], str), _typed(read["note"], str), frontier, _decoded(read["prev"]),
            _typed(read["time_us"], int), events,
        )  # fmt: skip
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BadInput(f"it is not the state of an earlier verification: {error!r}", hint=_HINT) from error


def _encoded(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _decoded(text: object) -> bytes:
    data = from_base64(_typed(text, str))
    if data is None:
        raise ValueError("not base64")
    return data


def _typed(value: object, wanted: type) -> Any:
    if type(value) is not wanted:
        raise ValueError(f"{value!r} is not {wanted.__name__}")
    return value
