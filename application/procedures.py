"""What every operation is: something that can be finished, or undone, from its recorded intent alone.

A live command begins an operation and finishes it; a resuming one finds it open and finishes it by the same code.
"""

from typing import Protocol

from application.host import Host
from domain.errors import StoreError
from domain.graph import OpenOperation


class Procedure(Protocol):
    """One kind of operation. `finish` is idempotent: it looks at what is there before each effect."""

    command: str

    def finish(self, host: Host, operation: OpenOperation) -> None:
        """Do what is left, record it, and complete the operation. Raises StoreError if it cannot be done."""

    def undo(self, host: Host, operation: OpenOperation) -> str:
        """Take back what can be taken back, recording it; says in words what is so now. Does not end the operation."""


def carry_out(host: Host, procedure: Procedure, operation: OpenOperation) -> None:
    """Finish; where that fails, undo, record the failure, and raise it again."""
    try:
        procedure.finish(host, operation)
    except StoreError as error:
        if operation.id in host.graph.operations:
            host.journal.catch_up()
            procedure.undo(host, operation)
            host.journal.fail(operation, error)
        raise
