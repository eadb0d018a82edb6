"""Holding a consumer store still: its own locks, taken from outside, between the last look and the deletion.

containers-storage locks with fcntl records; open-file-description locks (F_OFD_SETLK) conflict with those, belong to
the descriptor and go when the process dies. Order as in the library: layers before containers, and stores sorted by
path, so that two storectl processes cannot wait for each other. The owned store's own locks are never taken here:
podman and skopeo must be able to work on it meanwhile.
"""

import fcntl
import os
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path

from domain.errors import Busy, Refused

_LOCKS = ("overlay-layers/layers.lock", "overlay-containers/containers.lock")
_FLOCK = struct.Struct("hhqqi4x")  # struct flock on 64-bit Linux: type, whence, start, len, pid
_POLL_S = 0.02


@contextmanager
def frozen(consumers: Sequence[Path], wait_s: float) -> Iterator[None]:
    """Nothing can be created in, pulled into or removed from any of the stores meanwhile.

    Raises Busy, naming the consumer, if its locks are not free within `wait_s` seconds; Refused where they cannot be
    opened: what cannot be held still might be using anything.
    """
    deadline = time.monotonic() + wait_s
    with ExitStack() as held:
        for root in sorted({path.resolve() for path in consumers}):
            for name in _LOCKS:
                held.enter_context(_locked(root, root / name, deadline, wait_s))
        yield


@contextmanager
def _locked(root: Path, path: Path, deadline: float, wait_s: float) -> Iterator[None]:
    descriptor = _opened(root, path)
    try:
        while not _try_lock(descriptor, root, path):
            if time.monotonic() >= deadline:
                raise Busy(
                    f"the consumer store {root} is in use: {path.name} was not free within {wait_s:g} s",
                    hint="try again when podman there has finished, or wait longer: --wait",
                )
            time.sleep(_POLL_S)
        yield
    finally:
        os.close(descriptor)


def _opened(root: Path, path: Path) -> int:
    try:
        owner = path.parent.stat()
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        if os.fstat(descriptor).st_uid != owner.st_uid:
            # Ours to make, theirs to open: a rootless user's podman must be able to lock it.
            os.fchown(descriptor, owner.st_uid, owner.st_gid)
    except OSError as error:
        raise Refused(
            f"the consumer store {root} cannot be held still: {path}: {error.strerror}",
            hint=f"if it is gone for good: 'storectl consumer remove {root}'",
        ) from error
    return descriptor


def _try_lock(descriptor: int, root: Path, path: Path) -> bool:
    try:
        fcntl.fcntl(descriptor, fcntl.F_OFD_SETLK, _FLOCK.pack(fcntl.F_WRLCK, os.SEEK_SET, 0, 0, 0))
    except (BlockingIOError, PermissionError):
        return False  # held by somebody else: EAGAIN or EACCES (fcntl(2))
    except OSError as error:
        raise Refused(
            f"the consumer store {root} cannot be held still: {path} cannot be locked: {error.strerror}",
            hint="does its file system know locks? 'storectl consumer remove' forgets a store that uses nothing here",
        ) from error
    return True
