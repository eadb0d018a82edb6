"""`replay --dry-run`: what would be rebuilt, from where, and what cannot be had; nothing is changed."""

from pathlib import Path

from adapters.backup.directory import BackupDirectory
from adapters.containers.skopeo import Skopeo
from adapters.event_log.reader import LogReader
from adapters.ostree.repo import OstreeRepo
from application.recovery.past import read_past
from application.recovery.replay_steps import Places, sources_of
from application.recovery.replaying import ReplayIntent
from cli.output import many
from cli.replay_sources import ReplaySource
from cli.session import Session
from domain.backups import ArchivedImage
from domain.decisions.replaying import wanted_images
from domain.errors import Drift, StoreError
from domain.references import TransportSource
from domain.values import short


def tell_plan(session: Session, source: ReplaySource, intent: ReplayIntent) -> None:
    """Look everything up. Raises Drift (exit 6) naming what cannot be had."""
    with LogReader(source.log) as log:
        past = read_past(log, intent.position)
    places = Places(intent.layout, intent.commits, intent.registry_host, intent.registry)
    archived = _archived(session, source)
    skopeo, rows, lacking = Skopeo(session.runner), [], []
    for name in wanted_images(past.graph):
        recorded = past.recorded.images[name]
        found, asked = "", []
        for each in sources_of(recorded, places):
            try:
                if isinstance(each, TransportSource):
                    _require_blobs(session, source, archived, name)
                    found = str(each)
                    break
                wanted = each.at(recorded.digest) if recorded.digest else each
                if skopeo.resolve(wanted, intent.registry).config_digest == f"sha256:{name}":
                    found = str(wanted)
                    break
                asked.append(f"{each} has another image")
            except StoreError as error:
                asked.append(error.message)
        rows.append({"kind": "image", "id": name, "from": found})
        lacking += [] if found else [f"image {name[:12]}: {'; '.join(asked) or 'no place is known'}"]
    for node in past.graph.in_order():
        found, asked = _commit(session, places, node.commit, [each for _, each in past.fetched.get(node.commit, [])])
        rows.append({"kind": "deployment", "id": node.id, "from": found})
        lacking += [] if found else [f"deployment {short(node.id)}: {'; '.join(asked) or 'no place is known'}"]
    if session.out.json:
        session.out.answer({"position": past.position, "plan": rows, "lacking": lacking})
    else:
        for row in rows:
            session.out.line(f"{row['kind']:<10}  {short(row['id'])}  {row['from'] or 'cannot be had'}")
    if lacking:
        raise Drift("; ".join(lacking), hint=f"{many(len(lacking), 'thing')} would not come back")


def _archived(session: Session, source: ReplaySource) -> dict[str, ArchivedImage]:
    """What every generation of the backup has of images."""
    if not source.layout:
        return {}
    backup = BackupDirectory(source.shown, session.layout, session.runner)
    return {image.id: image for number in backup.numbers() for image in backup.read(number).images}


def _require_blobs(session: Session, source: ReplaySource, archived: dict[str, ArchivedImage], name: str) -> None:
    if name not in archived:
        raise Drift(f"the backup {source.shown} does not have it")
    backup = BackupDirectory(source.shown, session.layout, session.runner)
    wrong = backup.images.problems([archived[name]])
    if wrong:
        raise Drift("; ".join(each.detail for each in wrong))


def _commit(session: Session, places: Places, commit: str, sources: list[str]) -> tuple[str, list[str]]:
    asked: list[str] = []
    for place in (places.commits, *sources):
        if "://" in place or (place and "/" not in place):
            return place, asked  # only fetching would tell
        try:
            if place:
                OstreeRepo(Path(place), session.runner).resolve(commit)
                return place, asked
        except StoreError as error:
            asked.append(error.message)
    return "", asked
