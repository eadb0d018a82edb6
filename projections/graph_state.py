"""The reference graph as bytes, so that a command need not fold the whole log: a cache, never the truth.

It says where it stands (position, and the leaf hash of the event there); whoever loads it checks that this event is
still the one in the log, and folds what came after. Anything that does not fit is as good as nothing: rebuild.
"""

import hashlib
from dataclasses import fields
from functools import cache
from typing import Any, NamedTuple

import msgpack

from domain.graph import (
    Binding,
    ConsumerNode,
    DeploymentNode,
    Hold,
    HoldKey,
    ImageNode,
    LayerNode,
    OpenOperation,
    ReferenceGraph,
)

SCHEMA = 4
"""A change of any shape below needs a new number here."""


class State(NamedTuple):
    """A graph and the leaf hash of the event that it stands at."""

    graph: ReferenceGraph
    leaf_hash: bytes


def dump(state: State) -> bytes:
    """The state as bytes that `load` takes, led by their own hash."""
    body: bytes = msgpack.packb([SCHEMA, state.leaf_hash, _plain(state.graph)], use_bin_type=True)
    return hashlib.sha256(body).digest() + body


def load(data: bytes) -> State | None:
    """None for anything that is not whole and of this schema."""
    if len(data) <= _HASH_BYTES or hashlib.sha256(data[_HASH_BYTES:]).digest() != data[:_HASH_BYTES]:
        return None
    # The hash says that it is what `dump` wrote: nothing below can fail on it.
    schema, *rest = msgpack.unpackb(data[_HASH_BYTES:], raw=False, use_list=False, strict_map_key=False)
    return State(_graph(rest[1]), rest[0]) if schema == SCHEMA else None


_HASH_BYTES = 32
_Plain = Any


def _plain(graph: ReferenceGraph) -> _Plain:
    return (
        graph.position, graph.time_us, graph.store, graph.origin, graph.order,
        [(*_fields(node, ImageNode, "holds"), _holds(node.holds)) for node in graph.images.values()],
        [(*_fields(node, LayerNode, "images", "holds"), node.images, _holds(node.holds))
         for node in graph.layers.values()],
        [(*_fields(node, DeploymentNode, "bindings", "pin"),
          [_fields(binding, Binding) for binding in node.bindings.values()],
          node.pin and _fields(node.pin, Hold)) for node in graph.deployments.values()],
        [_operation(node) for node in graph.operations.values()],
        [_fields(node, ConsumerNode) for node in graph.consumers.values()],
        graph.last_backup, graph.last_drill,
    )  # fmt: skip


def _graph(plain: _Plain) -> ReferenceGraph:
    position, time_us, store, origin, order, images, layers, deployments, operations, consumers, *last = plain
    graph = ReferenceGraph(position, time_us, store, origin, order=order)
    graph.last_backup, graph.last_drill = last
    for *fields_, holds in images:
        image = ImageNode(*fields_)
        image.holds = _read_holds(holds)
        graph.add_image(image)
    for *fields_, users, holds in layers:
        layer = LayerNode(*fields_)
        layer.images, layer.holds = users, _read_holds(holds)
        graph.add_layer(layer)
    for *fields_, bindings, pin in deployments:
        read = {binding[0]: Binding(*binding) for binding in bindings}
        node = graph.deployments[fields_[0]] = DeploymentNode(*fields_)
        node.bindings, node.pin = read, pin and _hold(pin)
    graph.operations = {operation.id: operation for operation in map(_read_operation, operations)}
    graph.consumers = {node[0]: ConsumerNode(*node) for node in consumers}
    return graph


def _operation(node: OpenOperation) -> _Plain:
    # The intent by itself: it has lists, as the event has, and everything else here is read back as tuples.
    return node.id, node.command, msgpack.packb(node.intent), node.event, node.begun_us, node.sealed


def _read_operation(plain: _Plain) -> OpenOperation:
    identity, command, intent, *rest = plain
    return OpenOperation(identity, command, msgpack.unpackb(intent, raw=False), *rest)


def _fields(node: object, shape: type, *without: str) -> tuple[Any, ...]:
    """The node's fields in their order: the nested ones come last in every shape, and are left out."""
    return tuple(getattr(node, name) for name in _names(shape) if name not in without)


@cache
def _names(shape: type) -> tuple[str, ...]:
    return tuple(field.name for field in fields(shape))


def _holds(holds: dict[HoldKey, Hold]) -> list[_Plain]:
    return [_fields(hold, Hold) for hold in holds.values()]


def _read_holds(plain: _Plain) -> dict[HoldKey, Hold]:
    return {hold.key: hold for hold in map(_hold, plain)}


def _hold(plain: _Plain) -> Hold:
    key, *rest = plain
    return Hold(HoldKey(*key), *rest)
