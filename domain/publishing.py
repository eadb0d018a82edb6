"""Where a checkpoint can be published, as a Protocol: adapters/publishing implements it."""

from collections.abc import Callable
from typing import Protocol

from domain.ledger.checkpoint import NoteSignature
from domain.ledger.submission import Submission

ProofFrom = Callable[[int], Submission]
"""The checkpoint to publish, with the proof that it extends the log's first so many events. Raises Tampered where the
log has fewer."""


class Destination(Protocol):
    """One place. What it has seen before it knows better than we do: it asks for the proof that it needs."""

    @property
    def name(self) -> str:
        """As the log records it; no credentials."""

    @property
    def off_host(self) -> bool:
        """Whether root of this host cannot take it back there."""

    def publish(self, proof_from: ProofFrom) -> tuple[NoteSignature, ...]:
        """Idempotent. Gives the cosignature lines that come back, unchecked.

        Raises Failed, and Tampered where what is there shows that the log lost or changed events.
        """
