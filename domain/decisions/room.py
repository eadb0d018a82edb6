"""Is there room for what is about to be fetched? And is it a full disk that something failed of?

What a layer takes when it is unpacked stands in no manifest: it is estimated. While it is unpacked, its compressed blob
lies in the directory for temporary files.
"""

from collections.abc import Iterable, Sequence

from domain.errors import DiskFull, StoreError
from domain.ports import Blob, FreeSpace
from domain.sizes import format_bytes

UNPACKED = 2.5  # times its compressed size: operating system images come to 2.2 to 3
MARGIN = 16 * 1024 * 1024  # bytes that have to be left: databases, directories, what ostree deploys
AT_ONCE = 6  # blobs of one image that skopeo fetches at the same time
# As the kernel, SQLite, Go's library and ostree say it.
_FULL = ("no space left on device", "disk is full", "disk quota exceeded", "min-free-space")
_LOG = 96 * 1024  # bytes: a -shm file (32 KiB), a -wal file and a checkpoint of the smallest append
_SCARCE = 1024 * 1024  # bytes: with less than this even a database's shared memory file may not fit


def refuse_unless_room(blobs: Iterable[Blob], store: FreeSpace, temporary: FreeSpace, jobs: int) -> None:
    """Raises DiskFull, with the figures, where these blobs would not fit in the store or on the way into it."""
    sizes = sorted((blob.bytes for blob in dict.fromkeys(blobs)), reverse=True)
    if not sizes:
        return
    unpacked, on_the_way = int(sum(sizes) * UNPACKED), sum(sizes[: AT_ONCE * jobs])
    if store.mount == temporary.mount:
        _refuse(store, unpacked + on_the_way + MARGIN, sum(sizes))
        return
    _refuse(store, unpacked + MARGIN, sum(sizes))
    _refuse(temporary, on_the_way + MARGIN, sum(sizes))


def _refuse(space: FreeSpace, needed: int, compressed: int) -> None:
    if needed > space.free:
        raise DiskFull(
            f"not enough room on {space.mount} ({space.what}): to fetch {format_bytes(compressed)} takes about "
            f"{format_bytes(needed)} there, and {format_bytes(space.free)} of {format_bytes(space.total)} are free",
            hint=f"nothing was fetched; {FREE_SOME}",
        )


def refuse_unless_writable(space: FreeSpace) -> None:
    """Raises DiskFull where the log could not even be opened for writing: SQLite maps a file into memory for that, and
    a page of it that gets no block on the disk ends the process (SIGBUS).
    """
    if space.free < _LOG:
        raise DiskFull(
            f"the event log cannot be written: {space.mount} ({space.what}) has {format_bytes(space.free)} of "
            f"{format_bytes(space.total)} free",
            hint=f"nothing was begun; {FREE_SOME}",
        )


def says_full(error: BaseException) -> bool:
    """Whether this error, or one behind it, tells of a full file system."""
    told: BaseException | None = error
    while told is not None:
        words = f"{getattr(told, 'message', '')} {told}".lower()
        if any(each in words for each in _FULL):
            return True
        told = told.__cause__
    return False


def explained(error: StoreError, spaces: Sequence[FreeSpace]) -> StoreError:
    """The error with the file systems that are full by name, if that is what it is about."""
    if isinstance(error, DiskFull):
        return error
    scarce = [space for space in spaces if space.free < _SCARCE]
    # SQLite calls a shared memory file that does not fit an I/O error.
    if not says_full(error) and not (scarce and "disk I/O error" in error.message):
        return error
    # What failed may have taken its half-written files away again: then the fullest is named.
    by_mount = {space.mount: space for space in reversed(scarce or [min(spaces, key=lambda x: x.free / x.total)])}
    named = [
        f"{space.mount} ({space.what}) has {format_bytes(space.free)} of {format_bytes(space.total)} free"
        for space in by_mount.values()
    ]
    return DiskFull(f"{error.message}; {', '.join(named)}", hint=f"{FREE_SOME}, then 'storectl resume'")


FREE_SOME = "free some space ('storectl gc' and 'storectl undeploy' always have room to work)"
