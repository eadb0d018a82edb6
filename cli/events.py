"""Events in their public JSON form, and what only the log itself can tell."""

import base64
from collections.abc import Mapping

from cli.session import Session
from domain.errors import NotFound, StoreError
from domain.events.base import Event
from domain.events.codec import decode, to_plain
from domain.events.deployment import DeploymentDeployed, DeploymentObserved
from domain.events.image import ImageObserved, ImagePruned, ImagePulled, LayerReferenced
from domain.ledger.entry import Entry
from projections.history import as_json
from projections.tables import Row
from projections.targets import Target, find_deployment, find_target, only, prefix_of


def event_json(session: Session, entry: Entry, event: Event) -> dict[str, object]:
    """`history`'s and `show`'s document of one event."""
    document = as_json(entry, event, session.reader().genesis().store, json_value(to_plain(event)))
    return document | {"signature": base64.b64encode(entry.signature).decode()}


def json_value(value: object) -> object:
    """Plain values as JSON has them: bytes as hex."""
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Mapping):
        return {str(key): json_value(item) for key, item in value.items()}
    return [json_value(item) for item in value] if isinstance(value, list | tuple) else value


def find_in_history(session: Session, text: str) -> str:
    """The whole id of an image, layer or deployment that is, or ever was. Raises NotFound or Ambiguous."""
    graph = session.graph()
    if text in ("booted", "rollback", "staged") or (text.isdecimal() and len(text) < 6):
        return find_deployment(graph, text, session.deployments_there()).id
    try:
        return find_target(graph, text).id
    except NotFound as error:
        former = _former(session, text)
        if not former:
            raise error from None
        return only(former, text, "image, layer or deployment").id


def _former(session: Session, text: str) -> set[Target]:
    """What the log knew by that word once."""
    prefix = prefix_of(text)
    kinds = (ImagePulled, ImageObserved, LayerReferenced, DeploymentDeployed, DeploymentObserved)
    found: set[Target] = set()
    for entry in session.reader().entries(kinds=[event.kind for event in kinds]):
        kind, _, identity = entry.stream.partition("/")
        if kind in ("image", "layer", "deployment") and (identity == text or (prefix and identity.startswith(prefix))):
            found.add(Target(kind, identity))  # type: ignore[arg-type]
        elif kind == "image" and _says(decode(entry), text, prefix):
            found.add(Target("image", identity))
    return found


def _says(event: Event, text: str, prefix: str) -> bool:
    digest = str(getattr(event, "digest", "") or "").removeprefix("sha256:")
    named = text in getattr(event, "names", ()) or text == getattr(event, "source", "")
    return named or bool(prefix and digest.startswith(prefix))


def pruned_rows(session: Session) -> list[Row]:
    """Images that were pruned and are not there now, from the log alone."""
    rows: dict[str, Row] = {}
    for entry in session.reader().entries(kinds=[ImagePruned.kind]):
        event = decode(entry)
        if isinstance(event, ImagePruned) and event.image not in session.graph().images:
            rows[event.image] = {
                "id": event.image, "digest": event.digest, "names": list(event.names), "bytes": event.bytes,
                "layers": [], "used_by": [], "state": "pruned", "managed": True, "event": entry.position,
            }  # fmt: skip
    return list(rows.values())


def signature_holds(session: Session, entry: Entry) -> bool:
    """Whether the event's signature is its key's, as the log itself names the key."""
    from adapters.event_log.public_keys import event_public_key
    from adapters.keys.ed25519 import verify  # deferred: cryptography takes 10 ms that 'history' need not pay
    from domain.ledger.record import decode_record, pae

    try:
        record, _ = session.reader().raw_record(entry.position)
        public_key = event_public_key(session.reader(), entry)
        return public_key is not None and verify(public_key, entry.signature, pae(decode_record(record).body))
    except StoreError:
        return False
