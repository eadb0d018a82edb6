"""Making the store: after the log's first event, every missing part of the sysroot and of the container store."""

from dataclasses import dataclass

from application.host import Host
from application.procedures import carry_out, intent_of
from domain.events.store import StaterootCreated
from domain.graph import OpenOperation
from domain.values import Stateroot

DEFAULT_STATEROOT = Stateroot("default")


@dataclass(frozen=True, slots=True)
class InitIntent:
    stateroot: Stateroot


def initialise(host: Host, asked: Stateroot | None) -> bool:
    """Make what is missing; whether anything was. Without a name, a stateroot is made only where there is none."""
    there = host.os.stateroots() if host.os.is_sysroot() else ()
    wanted = asked or (there[0] if there else DEFAULT_STATEROOT)
    if host.os.is_sysroot() and wanted in there and host.store.exists():
        return False
    carry_out(host, INITIALISING, host.journal.begin(INITIALISING.command, InitIntent(wanted)))
    return True


class _Initialising:
    command = "init"

    def finish(self, host: Host, operation: OpenOperation) -> None:
        intent = intent_of(InitIntent, operation)
        if host.os.initialise(intent.stateroot):
            host.journal.step("sysroot initialised")
            host.journal.record(StaterootCreated(intent.stateroot), operation=operation.id)
        host.store.create()
        host.store.label()
        host.journal.step("container store made")
        host.journal.complete(operation)

    def undo(self, host: Host, operation: OpenOperation) -> str:  # noqa: ARG002 (a Procedure's signature)
        return "what was made so far stays; 'storectl init' completes it"


INITIALISING = _Initialising()
