"""Finishing, or undoing, what a crash left open: the procedures that a live command runs, entered from the log."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from application.binding import BINDING, PULLING
from application.deploying import DEPLOYING, FETCHING
from application.host import Host
from application.initialising import INITIALISING
from application.keys.rotating import ROTATING
from application.pinning import PINNING
from application.procedures import Procedure, carry_out
from application.pruning import PRUNING
from application.recovery.healing import HEALING
from application.recovery.replaying import REPLAYING
from application.rolling_back import ROLLING_BACK
from application.undeploying import UNDEPLOYING
from domain.errors import StoreError, UnknownFormat
from domain.values import OperationId

PROCEDURES: Mapping[str, Procedure] = {
    procedure.command: procedure
    for procedure in (
        BINDING,
        DEPLOYING,
        FETCHING,
        HEALING,
        INITIALISING,
        PINNING,
        PRUNING,
        PULLING,
        REPLAYING,
        ROLLING_BACK,
        ROTATING,
        UNDEPLOYING,
    )
}


@dataclass(frozen=True, slots=True)
class Resumed:
    """One operation that was open, and what became of it: `detail` says it in words."""

    operation: OperationId
    command: str
    outcome: Literal["completed", "failed", "aborted"]
    detail: str


def resume(host: Host, *, abort: bool = False) -> list[Resumed]:
    """End every open operation, oldest first. The caller holds the store's lock, so their owners are dead.

    One that cannot be finished is undone and recorded as failed; the next one is taken all the same.
    """
    return [_end(host, operation, abort) for operation in list(host.graph.operations)]


def _end(host: Host, identity: OperationId, abort: bool) -> Resumed:
    operation = host.graph.operations[identity]
    procedure = PROCEDURES.get(operation.command)
    if procedure is None:
        raise UnknownFormat(
            f"operation {identity} is a {operation.command!r}, which this version does not know",
            hint="a newer storectl began it: use that version to finish it",
        )
    if abort:
        detail = procedure.undo(host, operation)
        host.journal.abort(operation, "resume --abort")
        return Resumed(identity, operation.command, "aborted", detail)
    host.progress(f"finishing {operation.command}, which was interrupted")
    try:
        carry_out(host, procedure, operation)
    except StoreError as error:
        if identity in host.graph.operations:
            raise  # it could not even be undone: still open; the error says what has to be mended
        return Resumed(identity, operation.command, "failed", error.message)
    return Resumed(identity, operation.command, "completed", "finished")
