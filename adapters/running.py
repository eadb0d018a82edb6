"""The programs that are running for us, so that a signal can end them all.

They have sessions of their own: a terminal's Ctrl-C does not reach them, and neither does a SIGTERM to us.
"""

import os
import signal
from contextlib import suppress

_groups: set[int] = set()
_stopped = False


def entered(group: int) -> None:
    """A program's process group is running; ended at once where all have been stopped already."""
    _groups.add(group)
    if _stopped:
        _kill(group)


def left(group: int) -> None:
    """It has ended."""
    _groups.discard(group)


def stop_all() -> None:
    """End every running program, and each that is started from now on. Safe in a signal handler."""
    global _stopped
    _stopped = True
    for group in tuple(_groups):
        _kill(group)


def _kill(group: int) -> None:
    with suppress(ProcessLookupError):
        os.killpg(group, signal.SIGKILL)
