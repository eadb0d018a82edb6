"""The private keys that a log is continued with, and what becomes of them when an event changes keys."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from domain.errors import KeyUnusable
from domain.ledger.entry import Draft
from domain.ledger.key_changes import KEY_STREAM, Added, KeyChange, Rotated, parse_key_change
from domain.ledger.keys import Signer

FindKey = Callable[[bytes], Signer | None]
"""The private half of a public key (32 bytes), where it is at hand."""


@dataclass(frozen=True, slots=True)
class Signing:
    """`log` signs checkpoints, `event` signs events; None for a key that is lost, until the root replaces it.

    `find` finds keys that an event puts in the place of these. `changes` is how many events of the stream `keys` the
    log had when the keys were found to be those in force: an append refuses to sign if there are more by then.
    """

    log: Signer | None
    event: Signer | None
    find: FindKey = lambda public_key: None
    changes: int = 0

    def of_event(self) -> Signer:
        """Raises KeyUnusable where the key is lost."""
        return _there(self.event, "event")

    def of_log(self) -> Signer:
        """Raises KeyUnusable where the key is lost."""
        return _there(self.log, "log")

    def after(self, drafts: Sequence[Draft]) -> "Signing":
        """The keys once these events are in the log."""
        signing = self
        for draft in drafts:
            if draft.stream == KEY_STREAM:
                change = parse_key_change(draft.stream, draft.kind, draft.schema, draft.payload)
                signing = replace(signing.changed(change), changes=signing.changes + 1)
        return signing

    def changed(self, change: KeyChange) -> "Signing":
        """The keys after one change. Raises KeyUnusable where the new key's private half is not at hand."""
        new = replacement(change)
        if new is None:
            return self
        signer = self.find(new)
        if signer is None:
            raise KeyUnusable(f"the private half of the new {change.role} key is not at hand")
        return replace(self, log=signer) if change.role == "log" else replace(self, event=signer)


def replacement(change: KeyChange) -> bytes | None:
    """The public key that a change puts in force; None for one that does not."""
    if isinstance(change, Rotated):
        return change.new_key
    return change.key if isinstance(change, Added) and change.replaces is not None else None


def _there(signer: Signer | None, role: str) -> Signer:
    if signer is None:
        raise KeyUnusable(
            f"the {role} key is not at hand: nothing can be signed", hint="'storectl keys enrol' replaces a lost key"
        )
    return signer
