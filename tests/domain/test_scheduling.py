"""No blob twice, no image forgotten, no needless waiting."""

from hypothesis import given
from hypothesis import strategies as st

from domain.ports import Blob, ResolvedImage
from domain.references import parse_reference
from domain.scheduling import startable
from domain.values import Digest


def image(number: int, blobs: set[int]) -> ResolvedImage:
    fetched = tuple(Blob(Digest(str(blob)), 1) for blob in sorted(blobs))
    return ResolvedImage(parse_reference(f"x/i:{number}"), Digest(f"m{number}"), None, Digest("c"), fetched)


@given(st.lists(st.sets(st.integers(0, 6), max_size=4), max_size=8), st.integers(1, 4), st.randoms())
def test_every_image_is_fetched_and_every_blob_once(sets: list[set[int]], jobs: int, random) -> None:  # type: ignore[no-untyped-def]
    waiting = [image(number, blobs) for number, blobs in enumerate(sets)]
    running: list[ResolvedImage] = []
    here: set[Digest] = set()
    fetched: list[Digest] = []
    while waiting or running:
        started = startable(waiting, running, here, jobs)
        for each in started:
            waiting.remove(each)
            running.append(each)
            fetched += [blob.digest for blob in each.blobs if blob.digest not in here]
        assert running, "something can always go on"
        assert len(running) <= jobs
        if len(running) < jobs:
            busy = {blob.digest for each in running for blob in each.blobs} - here
            assert all({blob.digest for blob in each.blobs} & busy for each in waiting), "who waits has a reason"
        done = random.choice(running)
        running.remove(done)
        here |= {blob.digest for blob in done.blobs}
    assert len(fetched) == len(set(fetched))


def test_a_shared_base_is_fetched_by_one_and_the_rest_follow_together() -> None:
    images = [image(number, {0, number + 1}) for number in range(4)]
    assert startable(images, [], set(), 4) == images[:1]
    assert startable(images[1:], [], {Digest("0"), Digest("1")}, 4) == images[1:]
