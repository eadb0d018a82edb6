"""What becomes of an operation that fails: undone and recorded; and where that fails, too, still open, and told."""

import errno
import os
from dataclasses import replace

import pytest

from application.procedures import carry_out
from application.resuming import PROCEDURES, resume
from domain.errors import Failed, StoreError
from domain.graph import OpenOperation
from tests.fakes.host import Machine


class Broken:
    """Fails as it is told to."""

    command = "pull"

    def __init__(self, finish: BaseException, undo: BaseException | None = None) -> None:
        self._finish, self._undo = finish, undo
        self.undone = 0

    def finish(self, host: object, operation: OpenOperation) -> None:
        raise self._finish

    def undo(self, host: object, operation: OpenOperation) -> str:
        self.undone += 1
        if self._undo is not None:
            raise self._undo
        return "undone"


def run(machine: Machine, procedure: Broken) -> None:
    host = machine.process()
    carry_out(host, procedure, host.journal.begin(procedure.command, {}))


@pytest.mark.parametrize("error", [Failed("no"), OSError(errno.EIO, "broken", "/file")])
def test_a_failure_of_any_kind_is_undone_and_recorded(error: Exception) -> None:
    machine, procedure = Machine(), Broken(error)
    with pytest.raises(StoreError, match=r"no|/file: broken"):
        run(machine, procedure)
    assert procedure.undone == 1
    assert machine.process().graph.operations == {}


def test_what_cannot_be_undone_stays_open_and_says_so() -> None:
    machine = Machine()
    with pytest.raises(Failed, match="first; and it could not be taken back: second") as caught:
        run(machine, Broken(Failed("first"), OSError(errno.EIO, "second")))
    assert "storectl resume" in caught.value.hint
    assert len(machine.process().graph.operations) == 1


def test_a_signal_goes_straight_through() -> None:
    machine, procedure = Machine(), Broken(KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        run(machine, procedure)
    assert procedure.undone == 0
    assert len(machine.process().graph.operations) == 1


def test_on_a_full_disk_the_reserve_is_given_up_before_anything_is_recorded() -> None:
    given: list[bool] = []

    def give_up() -> bool:
        given.append(True)
        return True

    host = replace(Machine().process(), give_up_reserve=give_up)
    for error in (Failed("broken"), OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))):
        with pytest.raises(Failed):
            carry_out(host, Broken(error), host.journal.begin("pull", {}))
    assert given == [True]


def test_every_kind_of_operation_can_be_resumed(monkeypatch: pytest.MonkeyPatch) -> None:
    machine = Machine()
    for command in PROCEDURES:
        machine.process().journal.begin(command, {})
    for command in PROCEDURES:
        monkeypatch.setitem(PROCEDURES, command, Broken(Failed("no")))
    assert {each.outcome for each in resume(machine.process())} == {"failed"}
    assert machine.process().graph.operations == {}
