"""What a verification comes to."""

from dataclasses import dataclass
from typing import Literal

from domain.ledger.verified import VerifiedState

MAX_FINDINGS = 100

Verdicts = Literal["verified", "tampered", "unchecked"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, or that could not be checked, at a position counted from 1; None where it can be put
    down to no single event.
    """

    position: int | None
    problem: str


@dataclass(frozen=True, slots=True)
class Verdict:
    """`verified` only where everything held and the key was trusted. `signatures_checked` counts events' signatures.

    `not_checked` says in words what this verification left out by its nature or because it was told to: it does not
    change the verdict. `state` is what the next one may start from, where this one verified the log.
    """

    verdict: Verdicts
    size: int
    root_hash: str
    findings: tuple[Finding, ...]
    signatures_checked: int
    not_checked: tuple[str, ...] = ()
    state: VerifiedState | None = None
