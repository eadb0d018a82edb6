"""The plans that `gc --dry-run` showed last, so that `gc --plan` can say what has changed since. A cache, no more."""

import json
from contextlib import suppress

from adapters.files.cache_file import CacheFile
from application.pruning import Collection
from domain.decisions.plan_changes import SeenPlan
from domain.events.codec import from_plain, to_plain

_KEPT = 16


def remember(cache: CacheFile, shown: Collection) -> None:
    """Keep what a dry run showed."""
    due = shown.prune
    seen = SeenPlan(due.plan, due.position, tuple(victim.id for victim in due.images), shown.deployments)
    kept = [each for each in _read(cache) if each.plan != due.plan]
    cache.write(json.dumps([to_plain(each) for each in [*kept, seen][-_KEPT:]]).encode())


def recall(cache: CacheFile, plan: str) -> SeenPlan | None:
    """The plan with this hash (or the first digits of one), if it was shown not long ago."""
    return next((each for each in reversed(_read(cache)) if each.plan.startswith(plan)), None)


def _read(cache: CacheFile) -> list[SeenPlan]:
    with suppress(ValueError, TypeError):
        return [from_plain(SeenPlan, each) for each in json.loads(cache.read())]
    return []
