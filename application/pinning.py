"""Pins: a deployment, an image or a layer held for ever or until a time, because somebody said so."""

from dataclasses import dataclass

from application.host import Host
from application.procedures import carry_out, intent_of
from domain.errors import NotFound
from domain.events.deployment import DeploymentPinned, DeploymentUnpinned
from domain.events.hold import PinRemoved, PinSet, TargetKind
from domain.graph import Hold, HoldKey, OpenOperation
from domain.values import DeploymentId, ImageId, LayerId


@dataclass(frozen=True, slots=True)
class PinState:
    """`in_ostree`: whether ostree itself kept the deployment."""

    pinned: bool
    until_us: int | None
    reason: str
    in_ostree: bool


@dataclass(frozen=True, slots=True)
class PinIntent:
    """`until_us` None: for ever. `pinned` False: the pin goes. `before` is how it was, so that it can be undone."""

    kind: TargetKind
    target: str
    pinned: bool
    until_us: int | None
    reason: str
    before: PinState


def pin(host: Host, kind: TargetKind, target: str, *, until_us: int | None, reason: str) -> None:
    """Pin it, or change its pin's time and reason. ostree is told of a deployment's pin, to keep it, too."""
    _carry_out(host, PinIntent(kind, target, True, until_us, reason, _state(host, kind, target)))


def unpin(host: Host, kind: TargetKind, target: str) -> None:
    """Take its pin away. Raises NotFound where there is none."""
    if find_pin(host, kind, target) is None and not _pinned_in_ostree(host, kind, target):
        raise NotFound(f"the {kind} {target} is not pinned", hint="'storectl pins' lists what is")
    _carry_out(host, PinIntent(kind, target, False, None, "by hand", _state(host, kind, target)))


def _state(host: Host, kind: TargetKind, target: str) -> PinState:
    there = find_pin(host, kind, target)
    in_ostree = _pinned_in_ostree(host, kind, target)
    return PinState(True, there.until_us, there.name, in_ostree) if there else PinState(False, None, "", in_ostree)


def find_pin(host: Host, kind: TargetKind, target: str) -> Hold | None:
    """The pin on a target, in force or not."""
    key = HoldKey("pin", target, "")
    if kind == "image":
        return host.graph.images[ImageId(target)].holds.get(key)
    if kind == "layer":
        return host.graph.layers[LayerId(target)].holds.get(key)
    return host.graph.deployments[DeploymentId(target)].pin


def _pinned_in_ostree(host: Host, kind: TargetKind, target: str) -> bool:
    return kind == "deployment" and host.graph.deployments[DeploymentId(target)].pinned


def _carry_out(host: Host, intent: PinIntent) -> None:
    carry_out(host, PINNING, host.journal.begin(PINNING.command, intent))


class _Pinning:
    command = "pin"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(PinIntent, operation)
        if intent.kind == "deployment":
            host.os.pin(DeploymentId(intent.target), intent.pinned)
            host.journal.step("pinned by ostree")
        now = PinState(intent.pinned, intent.until_us, intent.reason, intent.pinned)
        _record(host, operation, intent.kind, intent.target, now)
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:
        intent = intent_of(PinIntent, operation)
        before = intent.before
        if intent.kind == "deployment":
            host.os.pin(DeploymentId(intent.target), before.in_ostree)
        _record(host, operation, intent.kind, intent.target, before)
        return f"{intent.kind} {intent.target[:12]} is {'' if before.pinned else 'not '}pinned, as before"


def _record(host: Host, operation: OpenOperation, kind: TargetKind, target: str, wanted: PinState) -> None:
    """The events that lead from what the graph says of the pin to what is so now."""
    there = find_pin(host, kind, target)
    if wanted.pinned:
        if there is None or (there.until_us, there.name) != (wanted.until_us, wanted.reason):
            host.journal.record(PinSet(kind, target, wanted.until_us, wanted.reason), operation=operation.id)
    elif there is not None:
        host.journal.record(PinRemoved(kind, target, wanted.reason or "undone"), operation=operation.id)
    if kind == "deployment":
        node = host.graph.deployments[DeploymentId(target)]
        if node.pinned != wanted.in_ostree:
            event = DeploymentPinned if wanted.in_ostree else DeploymentUnpinned
            host.journal.record(event(node.id, observed=False), operation=operation.id)


PINNING = _Pinning()
