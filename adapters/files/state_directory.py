"""storectl's own directory below a sysroot: made with the right modes, never in a place that is something else."""

import os
from pathlib import Path

from adapters.files.layout import Layout
from adapters.files.remedies import remedy
from adapters.files.replacing import replaced, sync_directory
from domain.errors import Failed, NotAStore, Usage

# skopeo writes a store as [DRIVER@ROOT+RUNROOT:OPTIONS], the kernel overlay's mount options as lowerdir=A:B,upperdir=C.
_NOT_IN_PATHS = frozenset("+],:\\")
_OF_A_SYSROOT = frozenset({"ostree", "boot", "dev", "home", "proc", "root", "run", "sys", "tmp", "var", "lost+found"})


def require_sysroot_like(layout: Layout) -> None:
    """Raises NotAStore for a directory that holds something else: making a sysroot there is surely a slip; Usage for a
    path that the tools cannot take.
    """
    sysroot = layout.sysroot
    wrong = sorted({c for c in str(sysroot) if c in _NOT_IN_PATHS or not c.isprintable()})
    if wrong:
        raise Usage(
            f"the sysroot's path {str(sysroot)!r} has {', '.join(map(repr, wrong))} in it",
            hint="skopeo and the overlay file system give these characters a meaning of their own; use another path",
        )
    if sysroot.exists() and not sysroot.is_dir():
        raise NotAStore(f"{sysroot} is not a directory")
    if not sysroot.exists():
        if not sysroot.parent.is_dir():
            raise NotAStore(f"{sysroot.parent} does not exist", hint="make the directory first")
        return
    strangers = sorted(entry.name for entry in sysroot.iterdir() if entry.name not in _OF_A_SYSROOT)
    if strangers and not (sysroot / "ostree").is_dir():
        raise NotAStore(
            f"{sysroot} is not an ostree sysroot, and not empty: it has {', '.join(strangers[:5])}",
            hint="name an empty directory, or the root of an ostree system, with --sysroot",
        )


def make_state_directory(layout: Layout) -> None:
    """`ostree/storectl` (mode 0700) with its subdirectories; what is there stays. Raises Failed."""
    try:
        (layout.sysroot / "ostree").mkdir(parents=True, exist_ok=True)
        for directory in (layout.state, layout.keys, layout.checkpoints, layout.graph_cache.parent):
            directory.mkdir(mode=0o700, exist_ok=True)
        for directory in (layout.state, layout.state.parent, layout.sysroot):
            sync_directory(directory)
    except OSError as error:
        raise Failed(f"cannot make {error.filename}: {error.strerror}", hint=remedy(error)) from error


def write_new(path: Path, text: str) -> None:
    """A new small file, mode 0600, on disk when this returns; an existing one is left as it is."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
    except FileExistsError:
        return
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(text)
        file.flush()
        os.fsync(descriptor)
    sync_directory(path.parent)


def replace_file(path: Path, text: str) -> None:
    """Write a text file whole or not at all, on disk when this returns. Raises Failed."""
    replace_bytes(path, text.encode())


def replace_bytes(path: Path, data: bytes) -> None:
    """The same for bytes. Raises Failed."""
    with replaced(path) as file:
        file.write(data)


def mode_problems(layout: Layout) -> list[tuple[str, str]]:
    """Which of storectl's own files others may read or write: (path, problem)."""
    found = []
    for path, mode in _wanted_modes(layout):
        has = path.stat().st_mode & 0o777 if path.exists() else None
        if has is None:
            found.append((str(path), "it is missing"))
        elif has & ~mode:
            found.append((str(path), f"its mode is {has:o} instead of {mode:o}"))
    return found


def mend_modes(layout: Layout) -> None:
    """Shut directories and files that are open to others. Raises Failed.

    Not keys: one that others could read has to be looked at by somebody (adapters/keys/key_files.py refuses it).
    """
    for path, mode in _wanted_modes(layout):
        try:
            if ".key" not in path.name and path.exists() and path.stat().st_mode & 0o777 & ~mode:
                path.chmod(mode)
        except OSError as error:
            raise Failed(f"cannot change the mode of {path}: {error.strerror}", hint=remedy(error)) from error


def _wanted_modes(layout: Layout) -> list[tuple[Path, int]]:
    wanted = [(layout.state, 0o700), (layout.keys, 0o700), (layout.checkpoints, 0o700)]
    wanted += [(path, 0o600) for path in (layout.log, layout.high_water)]
    return wanted + [(key, 0o600) for key in sorted(layout.keys.glob("*.key*"))]
