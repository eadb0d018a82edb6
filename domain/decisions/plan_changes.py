"""Why a plan that somebody looked at is not the one that is due any more."""

import re
from dataclasses import dataclass

from domain.decisions.pruning import PrunePlan
from domain.errors import Busy, Usage
from domain.values import DeploymentId, ImageId, short

_MIN_DIGITS = 6
_NAMED = 10  # changes that a message lists


@dataclass(frozen=True, slots=True)
class SeenPlan:
    """A plan as `gc --dry-run` showed it: its hash, the position it stood on, and what was to go."""

    plan: str
    position: int
    images: tuple[ImageId, ...]
    deployments: tuple[DeploymentId, ...]


def parse_plan(text: str) -> str:
    """A plan's hash, or its first digits. Raises Usage."""
    if re.fullmatch(rf"[0-9a-f]{{{_MIN_DIGITS},64}}", text):
        return text
    raise Usage(f"not a plan: {text!r}", hint=f"'storectl gc --dry-run' prints it; {_MIN_DIGITS} digits are enough")


def require_plan(expected: str, due: PrunePlan, deployments: tuple[DeploymentId, ...], seen: SeenPlan | None) -> None:
    """Raises Busy, with what has changed since the plan was `seen` (None: not remembered), unless it is the one due."""
    if due.plan.startswith(expected):
        return
    if seen is None:
        told = f"now it would be {due.plan}: {len(due.images)} images, {len(deployments)} deployments"
    else:
        told = _listed(_changes(seen, due, deployments))
    raise Busy(
        f"the plan {expected[:12]} does not hold any more at position {due.position}: {told}",
        hint="'storectl gc --dry-run' shows the plan as it is now, 'storectl history' what came in between",
    )


def _changes(seen: SeenPlan, due: PrunePlan, deployments: tuple[DeploymentId, ...]) -> list[str]:
    kept = {each.id: ", ".join(each.by) for each in due.kept}
    victims = {victim.id for victim in due.images}
    changes = [
        f"image {short(image)} stays, held by {kept[image]}"
        if image in kept
        else f"image {short(image)} is gone already"
        for image in seen.images
        if image not in victims
    ]
    changes += [f"image {short(v.id)} would go, too" for v in due.images if v.id not in seen.images]
    changes += [f"deployment {short(name)} stays" for name in seen.deployments if name not in deployments]
    changes += [f"deployment {short(name)} would go, too" for name in deployments if name not in seen.deployments]
    if due.position > seen.position:
        changes.append(f"events {seen.position + 1} to {due.position} came in between")
    return changes or ["a store that uses this one has changed"]


def _listed(changes: list[str]) -> str:
    left = len(changes) - _NAMED
    return "; ".join(changes[:_NAMED] + ([f"and {left} changes more"] if left > 0 else []))
