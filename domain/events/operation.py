"""Events of operations: the intent before an effect, and how it ended."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar

from domain.values import OperationId


@dataclass(frozen=True, slots=True)
class OperationBegun:
    """`intent` holds all that finishing or undoing the operation needs, in plain values; recovery starts here."""

    kind: ClassVar[str] = "operation.begun"
    schema: ClassVar[int] = 1
    operation: OperationId
    command: str
    intent: Mapping[str, object]

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"


@dataclass(frozen=True, slots=True)
class OperationCompleted:
    kind: ClassVar[str] = "operation.completed"
    schema: ClassVar[int] = 1
    operation: OperationId

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"


@dataclass(frozen=True, slots=True)
class OperationFailed:
    """It could not be done; what it had done is undone or harmless, and `reason` says why."""

    kind: ClassVar[str] = "operation.failed"
    schema: ClassVar[int] = 1
    operation: OperationId
    reason: str

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"


@dataclass(frozen=True, slots=True)
class OperationAborted:
    """Given up because somebody said so (`resume --abort`)."""

    kind: ClassVar[str] = "operation.aborted"
    schema: ClassVar[int] = 1
    operation: OperationId
    reason: str

    @property
    def stream(self) -> str:
        return f"operation/{self.operation}"
