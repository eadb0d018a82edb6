"""SELinux labels of the container store: where SELinux is on, the store wears what podman's own store wears.

Containers may read files labelled `container_ro_file_t`; what lies below /sysroot has another label by default, and
podman, which uses this store as an additional one, would be refused. Label by label as in /var/lib/containers/storage,
which the policy knows; bootc does the same.
"""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from adapters.process import Runner
from domain.errors import Failed, ProgramFailed, ProgramMissing

_LABEL = "security.selinux"


@dataclass(frozen=True, slots=True)
class StoreLabels:
    """`kernel` is where a kernel with SELinux shows itself, `reference` the store whose labels are taken."""

    runner: Runner
    kernel: Path = Path("/sys/fs/selinux/enforce")
    reference: Path = Path("/var/lib/containers/storage")

    def apply(self, store: Path) -> int:
        """How many files and directories got another label; 0 where SELinux is off. Raises Failed."""
        if not self.kernel.exists():
            return 0
        changed = 0
        for place in (store, *sorted(store.iterdir())):
            label = self._wanted(place.relative_to(store))
            below = _everything(place) if place != store else iter((place,))
            changed += sum(_set(path, label) for path in below)
        return changed

    def _wanted(self, place: Path) -> bytes:
        """From the reference if it is there, else from the policy (matchpathcon), else that of the whole reference."""
        path = self.reference / place
        try:
            return os.getxattr(path, _LABEL, follow_symlinks=False)
        except OSError:
            pass
        try:
            said = self.runner.run(["matchpathcon", "-n", path]).text.strip()
        except (ProgramMissing, ProgramFailed):
            said = ""
        if said:
            return said.encode() + b"\0"
        if place == Path():
            raise Failed(
                f"SELinux is on, and the label of {self.reference} is not known",
                hint="install libselinux-utils, or let podman make that store: 'podman images'",
            )
        return self._wanted(Path())


def _everything(place: Path) -> Iterator[Path]:
    yield place
    if place.is_dir() and not place.is_symlink():
        for directory, names, files in os.walk(place):
            yield from (Path(directory, name) for name in (*names, *files))


def _set(path: Path, label: bytes) -> bool:
    try:
        if os.getxattr(path, _LABEL, follow_symlinks=False) == label:
            return False
    except OSError:
        pass  # it has none yet
    try:
        os.setxattr(path, _LABEL, label, follow_symlinks=False)
    except OSError as error:
        raise Failed(f"cannot label {path}: {error.strerror}", hint="run this as root") from error
    return True
