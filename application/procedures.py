"""What every operation is: something that can be finished, or undone, from its recorded intent alone.

A live command begins an operation and finishes it; a resuming one finds it open and finishes it by the same code.
"""

from typing import Protocol, TypeVar

from application.host import Host
from domain.decisions.room import says_full
from domain.errors import Failed, StoreError, UnknownFormat
from domain.events.codec import from_plain
from domain.graph import OpenOperation

T = TypeVar("T")


class Procedure(Protocol):
    """One kind of operation. `finish` is idempotent: it looks at what is there before each effect."""

    command: str

    def finish(self, host: Host, operation: OpenOperation) -> None:
        """Do what is left, record it, and complete the operation. Raises StoreError if it cannot be done."""

    def undo(self, host: Host, operation: OpenOperation) -> str:
        """Take back what can be taken back, recording it; says in words what is so now. Does not end the operation."""


def carry_out(host: Host, procedure: Procedure, operation: OpenOperation) -> None:
    """Finish; where that fails, undo, record the failure, and raise it again.

    Where even that fails the operation stays open, and the error says so: the next command tries again. A signal
    (KeyboardInterrupt) goes straight through, like a crash.
    """
    try:
        procedure.finish(host, operation)
    except StoreError as error:
        told = _take_back(host, procedure, operation, error)
        if told is error:
            raise
        raise told from error
    except OSError as error:
        # An adapter that let it through: still a failure like any other, with the same way back.
        failure = Failed(_words(error), hint=_HINT)
        raise _take_back(host, procedure, operation, failure) from error


def _take_back(host: Host, procedure: Procedure, operation: OpenOperation, error: StoreError) -> StoreError:
    """Undo and record it; the error to tell."""
    if operation.id not in host.graph.operations:
        return error  # it had ended; what failed came after
    if says_full(error):
        host.give_up_reserve()
    try:
        host.journal.catch_up()
        procedure.undo(host, operation)
        host.journal.fail(operation, error)
    except (StoreError, OSError) as second:
        words = second.message if isinstance(second, StoreError) else _words(second)
        return type(error)(
            f"{error.message}; and it could not be taken back: {words}",
            hint=f"the {procedure.command} stays open: mend that, then 'storectl resume'",
        )
    return error


def _words(error: OSError) -> str:
    return f"{error.filename}: {error.strerror}" if error.filename else str(error.strerror or error)


_HINT = "check the file's owner, mode and file system"


def intent_of(shape: type[T], operation: OpenOperation) -> T:
    """What the operation was begun for. Raises UnknownFormat where another version recorded it."""
    try:
        return from_plain(shape, operation.intent)
    except ValueError as error:
        raise UnknownFormat(
            f"the intent of {operation.command} {operation.id} is not one of this version: {error}",
            hint="another storectl began it: use that version to finish it",
        ) from error
