"""Which images may be fetched now, so that no blob is fetched twice."""

from collections.abc import Sequence, Set

from domain.ports import ResolvedImage
from domain.values import Digest


def startable(
    waiting: Sequence[ResolvedImage], running: Sequence[ResolvedImage], here: Set[Digest], jobs: int
) -> list[ResolvedImage]:
    """Those of `waiting`, in their order, that may start beside `running` with at most `jobs` at a time.

    An image waits while another one fetches a blob that it needs, too: once that one is in the store, the storage
    library finds the layer there. `here` are the compressed digests that the store has already.
    """
    under_way = {blob.digest for image in running for blob in image.blobs} - here
    chosen: list[ResolvedImage] = []
    for image in waiting:
        if len(running) + len(chosen) >= jobs:
            break
        wanted = {blob.digest for blob in image.blobs} - here
        if not wanted & under_way:
            chosen.append(image)
            under_way |= wanted
    return chosen
