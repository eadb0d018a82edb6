"""What the log ever knew of images and layers, whatever has become of them since."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from domain.events.codec import decode
from domain.events.image import ImageObserved, ImagePulled, LayerReferenced
from domain.ledger.entry import Entry
from domain.values import Digest, ImageId, LayerId


@dataclass(slots=True)
class RecordedImage:
    """The last time that it came in: from `source` (empty where storectl did not bring it)."""

    id: ImageId
    digest: Digest | None
    source: str
    names: tuple[str, ...]
    layers: tuple[LayerId, ...]


@dataclass(slots=True)
class Recorded:
    """`links` has every link name that a layer ever had."""

    images: dict[ImageId, RecordedImage] = field(default_factory=dict)
    links: dict[LayerId, set[str]] = field(default_factory=dict)


class Entries(Protocol):
    def entries(
        self, start: int = 1, stop: int | None = None, *, kinds: Sequence[str] = (), reverse: bool = False
    ) -> Iterator[Entry]: ...


def read_recorded(log: Entries, stop: int | None = None) -> Recorded:
    """One pass over the events that say it, up to position `stop`."""
    found = Recorded()
    for event in _events(log, stop):
        if isinstance(event, LayerReferenced):
            if event.link is not None:
                found.links.setdefault(event.layer, set()).add(event.link)
            continue
        before = found.images.get(event.image)
        source = event.source if isinstance(event, ImagePulled) else (before.source if before else "")
        names = event.names or (before.names if before else ())
        found.images[event.image] = RecordedImage(event.image, event.digest, source, names, event.layers)
    return found


def _events(log: Entries, stop: int | None) -> Iterator[ImagePulled | ImageObserved | LayerReferenced]:
    for entry in log.entries(1, stop, kinds=[ImagePulled.kind, ImageObserved.kind, LayerReferenced.kind]):
        event = decode(entry)
        if isinstance(event, ImagePulled | ImageObserved | LayerReferenced):
            yield event
