"""Whether there is room, and which error is one of a full disk."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from domain.decisions.room import MARGIN, explained, refuse_unless_room, says_full
from domain.errors import DiskFull, Failed
from domain.ports import Blob, FreeSpace
from domain.values import Digest

GIB = 1024**3


def blob(number: int, size: int) -> Blob:
    return Blob(Digest(f"sha256:{number:064x}"), size)


def space(free: int, mount: str = "/sysroot") -> FreeSpace:
    return FreeSpace(mount, "the container store", free, 10 * GIB)


@given(st.lists(st.integers(1, GIB), min_size=1, max_size=20), st.integers(0, 40 * GIB))
def test_more_room_is_never_worse_than_less(sizes: list[int], free: int) -> None:
    blobs = [blob(number, size) for number, size in enumerate(sizes)]
    try:
        refuse_unless_room(blobs, space(free), space(free), 4)
    except DiskFull:
        assert free < sum(sizes) * 4 + MARGIN
    else:
        assert free >= sum(sizes)
        refuse_unless_room(blobs, space(free + 1), space(free + 1), 4)


def test_nothing_to_fetch_needs_no_room_and_a_blob_counts_once() -> None:
    refuse_unless_room([], space(0), space(0), 4)
    one = blob(1, 100 * MARGIN)
    refuse_unless_room([one] * 50, space(400 * MARGIN), space(400 * MARGIN), 4)


def test_the_directory_for_temporary_files_counts_where_it_is_on_another_file_system() -> None:
    with pytest.raises(DiskFull, match="/var/tmp"):
        refuse_unless_room([blob(1, GIB)], space(9 * GIB), space(GIB // 2, "/var/tmp"), 4)
    refuse_unless_room([blob(1, GIB)], space(3 * GIB), space(2 * GIB, "/var/tmp"), 4)


@pytest.mark.parametrize(
    "words",
    ["write /var/tmp/x: no space left on device", "database or disk is full", "[Errno 28] No space left on device",
     "min-free-space-percent '3%' would be exceeded", "Disk quota exceeded"],
)  # fmt: skip
def test_a_full_disk_is_recognised_by_what_programs_say(words: str) -> None:
    told = explained(Failed(f"skopeo: {words}"), [space(0), space(GIB, "/run")])
    assert isinstance(told, DiskFull)
    assert "/sysroot (the container store) has 0 B" in told.message
    assert "/run" not in told.message


def test_other_errors_are_left_alone_even_on_a_full_disk() -> None:
    error = Failed("manifest unknown")
    assert explained(error, [space(0)]) is error
    assert not says_full(error)
