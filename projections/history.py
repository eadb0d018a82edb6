"""History for people: what each event means, in words with short digests; and which events concern a target."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from domain.events import audit, checkpoint, consumer, deployment, hold, image, key, operation, prune, recovery, store
from domain.events.base import Event, type_name
from domain.events.codec import decode
from domain.events.registry import BY_TYPE_NAME
from domain.ledger.entry import Entry
from domain.references import best_name
from domain.times import format_time
from domain.values import short


@dataclass(frozen=True, slots=True)
class Filter:
    """Which events to show; every field narrows, None does not.

    `target` is the whole id of an image, a layer or a deployment. Times are microseconds since the epoch.
    """

    target: str | None = None
    types: Collection[str] = ()
    operation: str | None = None
    actor: str | None = None
    since_us: int | None = None
    until_us: int | None = None

    @property
    def kinds(self) -> tuple[str, ...]:
        """The kinds asked for, for the log to select on; empty: all."""
        return tuple(BY_TYPE_NAME[name].kind for name in self.types)

    def takes(self, entry: Entry, event: Event) -> bool:
        return (
            (self.since_us is None or entry.time_us >= self.since_us)
            and (self.until_us is None or entry.time_us <= self.until_us)
            and (self.operation is None or entry.operation.startswith(self.operation))
            and (self.actor is None or entry.actor == self.actor)
            and (self.target is None or self.target in subjects(event))
        )


def select(
    entries: Iterable[Entry], wanted: Filter, decode: Callable[[Entry], Event] = decode
) -> Iterator[tuple[Entry, Event]]:
    """The entries that the filter takes, decoded, in the order given. `decode`: events.codec's, or events.bulk's."""
    for entry in entries:
        event = decode(entry)
        if wanted.takes(entry, event):
            yield entry, event


def subjects(event: Event) -> set[str]:
    """The ids of all images, layers and deployments that an event is about."""
    found: set[str] = set()
    for name in event.__dataclass_fields__:  # type: ignore[attr-defined]
        value = getattr(event, name)
        if name in _SUBJECT_FIELDS and isinstance(value, str):
            found.add(value)
        elif isinstance(value, tuple):
            found.update(item if isinstance(item, str) else getattr(item, "image", "") for item in value)
    return found - {""}


_SUBJECT_FIELDS = frozenset({"image", "layer", "deployment", "previous", "target", "digest"})


def words(event: Event) -> str:
    """What happened, in one line."""
    return _WORDS[type(event)](event)


def line(entry: Entry, event: Event) -> tuple[str, str, str, str, str]:
    """Position, time, actor, operation and what happened: one row."""
    return str(entry.position), format_time(entry.time_us), entry.actor, entry.operation[:8], words(event)


def as_json(entry: Entry, event: Event, store_id: str, data: object) -> dict[str, object]:
    """The public JSON form; `data` is the event's fields as JSON values, the signature is added by the caller."""
    return {
        "position": entry.position, "time": format_time(entry.time_us), "type": type_name(event), "store": store_id,
        "operation": entry.operation, "actor": entry.actor, "key": entry.key_id.hex(), "data": data,
        "leaf_hash": entry.leaf_hash.hex(),
    }  # fmt: skip


def _named(identity: str, names: Iterable[str]) -> str:
    name = best_name(tuple(names))
    return f"{short(identity)} ({name})" if name else short(identity)


def _key(public_key: bytes) -> str:
    """The beginning of a public key: its key id depends on the origin, which an event does not carry."""
    return public_key.hex()[:12]


def _about(intent: Mapping[str, object]) -> str:
    """What an operation is about, from the fields that intents have in common."""
    said = next(
        (intent[name] for name in ("deployment", "source", "commit", "ref", "stateroot") if intent.get(name)), ""
    )
    return f": {short(said) if len(str(said)) > 40 else said}" if isinstance(said, str) and said else ""


_WORDS: dict[type[Event], Callable[[Any], str]] = {
    store.StoreInitialised: lambda e: f"store {e.store} initialised as {e.origin}",
    store.StaterootCreated: lambda e: f"stateroot {e.stateroot} created",
    store.CommitFetched: lambda e: f"commit {short(e.commit)} ({e.ref}) fetched from {e.source}",
    store.StoreAdopted: lambda e: f"store adopted: {e.deployments} deployments and {e.images} images were there",
    store.DriftFound: lambda e: (
        f"drift found: {e.count} differences, first: {e.findings[0].target} {e.findings[0].kind}"
    ),
    store.DriftRepaired: lambda e: (
        f"drift repaired: {e.count} differences, first: {e.findings[0].target} {e.findings[0].kind}"
    ),
    store.CommitsPruned: lambda e: f"unreferenced ostree objects pruned, {e.bytes} bytes",
    operation.OperationBegun: lambda e: f"{e.command} begun{_about(e.intent)}",
    operation.OperationCompleted: lambda e: "completed",
    operation.OperationFailed: lambda e: f"failed: {e.reason}",
    operation.OperationAborted: lambda e: f"aborted: {e.reason}",
    image.ImagePulled: lambda e: (
        f"image {_named(e.image, [e.source])} pulled, {short(e.digest)}, {len(e.layers)} layers"
    ),
    image.ImageObserved: lambda e: (
        f"image {_named(e.image, e.names)} {'taken over' if e.managed else 'observed, brought in by somebody else'}"
    ),
    image.ImageNamed: lambda e: f"image {short(e.image)} named {best_name(e.names) or 'nothing'}",
    image.ImageBound: lambda e: (
        f"image {short(e.image)} bound by {short(e.deployment)} as {e.reference}{' (by hand)' if e.by_hand else ''}"
    ),
    image.ImageUnbound: lambda e: f"image {short(e.image)} no longer bound by {short(e.deployment)} ({e.name})",
    image.ImagePruned: lambda e: f"image {_named(e.image, e.names)} pruned",
    image.ImageLost: lambda e: f"image {short(e.image)} observed gone, removed by somebody else",
    image.ImageHealed: lambda e: f"image {short(e.image)} healed from {e.source}",
    image.LayerReferenced: lambda e: f"layer {short(e.layer)} referenced by image {short(e.image)}",
    image.LayerReleased: lambda e: f"layer {short(e.layer)} released by image {short(e.image)}",
    image.LayerLost: lambda e: f"layer {short(e.layer)} observed gone, removed by somebody else",
    image.LayerPruned: lambda e: f"layer {short(e.layer)} pruned, {e.bytes} bytes",
    deployment.DeploymentSealed: lambda e: f"{len(e.images)} images sealed for {e.stateroot} {short(e.commit)}",
    deployment.DeploymentDeployed: lambda e: f"{short(e.deployment)} deployed from {e.origin}",
    deployment.DeploymentObserved: lambda e: f"{short(e.deployment)} observed, deployed by somebody else",
    deployment.DeploymentRolledBack: lambda e: f"rolled back from {short(e.previous)} to {short(e.deployment)}",
    deployment.DeploymentRemoved: lambda e: f"{short(e.deployment)} removed: {e.reason}",
    deployment.DeploymentGone: lambda e: f"{short(e.deployment)} observed gone, removed by somebody else",
    deployment.DeploymentsReordered: lambda e: (
        f"order observed changed by somebody else, default {short(e.order[0]) if e.order else 'none'}"
    ),
    deployment.DeploymentPinned: lambda e: f"{short(e.deployment)} pinned{' by somebody else' if e.observed else ''}",
    deployment.DeploymentUnpinned: lambda e: (
        f"{short(e.deployment)} no longer pinned{' by somebody else' if e.observed else ''}"
    ),
    hold.LeaseGranted: lambda e: f"image {short(e.image)} leased until {format_time(e.until_us)}",
    hold.LeaseReleased: lambda e: f"lease on image {short(e.image)} over: {e.reason}",
    hold.PinSet: lambda e: (
        f"{e.target_kind} {short(e.target)} pinned {format_time(e.until_us) if e.until_us else 'for ever'}"
        + (f": {e.reason}" if e.reason else "")
    ),
    hold.PinRemoved: lambda e: f"{e.target_kind} {short(e.target)} no longer pinned: {e.reason}",
    prune.PrunePlanned: lambda e: f"plan {e.plan[:12]}: {len(e.images)} images, {e.layers} layers, {e.bytes} bytes",
    audit.AuditExported: lambda e: (
        f"exported as {e.format}: "
        + (f"events {e.first} to {e.last}" if e.first <= e.last else "no events")
        + (f" where {', '.join(e.filters)}" if e.filters else "")
    ),
    checkpoint.CheckpointPublished: lambda e: (
        f"checkpoint of {e.size} events published to {e.destination}"
        + (f", cosigned by {', '.join(e.cosigned_by)}" if e.cosigned_by else "")
    ),
    key.KeyAdded: lambda e: (
        f"{e.role} key {_key(e.key)} {'certified' if e.replaces is None else 'put in force'} by the root key"
        + (f", in the place of {_key(e.replaces)}" if e.replaces else "")
    ),
    key.KeyRotated: lambda e: f"{e.role} key {_key(e.old_key)} handed on to {_key(e.new_key)}",
    key.KeyRevoked: lambda e: f"{e.role} key {_key(e.key)} revoked, good up to event {e.last_good}: {e.reason}",
    consumer.ConsumerAdded: lambda e: f"consumer {e.path} added ({e.found})",
    consumer.ConsumerRemoved: lambda e: f"consumer {e.path} removed: {e.reason}",
    consumer.ConsumerReferenceObserved: lambda e: (
        f"{e.holder[:22]} of {e.path} sits on {short(e.layer or e.image or '')}"
    ),
    consumer.ConsumerReferenceGone: lambda e: f"{e.holder[:22]} of {e.path} left {short(e.layer or e.image or '')}",
    recovery.BackupWritten: lambda e: (
        f"backup {e.generation} of {e.size} events written to {e.place}, {e.bytes} new bytes"
        + (f", {e.images} images, {e.commits} commits" if e.content else "")
        + (f"; {e.lacking} could not be read" if e.lacking else "")
    ),
    recovery.StoreReplayed: lambda e: f"store replayed from {e.origin} ({e.size} events) as of event {e.position}",
    recovery.ReplayCompared: lambda e: (
        f"replay compared with the log in {e.compared} points: {e.count or 'no'} differences"
    ),
    recovery.DrillHeld: lambda e: (
        f"drill held{f' from {e.source}' if e.source else ''}: {e.images} images and {e.deployments} deployments "
        f"came back, {e.count or 'no'} differences"
    ),
}
