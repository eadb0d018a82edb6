"""Checkpoints to where they cannot be taken back from: each with the proof from the one before, each an event.

Only what is committed is published: the head is read from the log, under the store's lock. A crash between the
publication and its event leaves a checkpoint elsewhere that the log does not mention; the next one goes there, too.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from application.audit.proving import Prover
from application.journal import Journal
from domain.errors import StoreError, Tampered
from domain.events.checkpoint import CheckpointPublished
from domain.ledger.checkpoint import Note, NoteSignature, parse_checkpoint, parse_note
from domain.ledger.cosignature import WitnessKey, cosigned_at
from domain.ledger.keys import Verify
from domain.ledger.submission import Submission
from domain.publishing import Destination


class Published(Protocol):
    """What was published, by destination, kept beside the log."""

    def last(self, destination: str) -> str | None:
        """The newest signed note that went there, with its cosignatures."""

    def keep(self, destination: str, made: Submission) -> None:
        """Put it down, on disk when this returns. Raises Failed."""


@dataclass(frozen=True, slots=True)
class Publication:
    """What became of one destination. `error` is None where the checkpoint is there; `new` False: it was before."""

    destination: str
    size: int
    new: bool
    note: str
    cosigned_by: tuple[str, ...] = ()
    error: StoreError | None = None


def publish(
    journal: Journal, prover: Prover, destinations: Sequence[Destination], published: Published,
    witnesses: Sequence[WitnessKey] | None, verify: Verify,
) -> list[Publication]:  # fmt: skip
    """Publish the head to each of them; those that fail do not keep the others from it.

    Of cosignatures those of `witnesses` are kept, once they hold; where None are named all are kept, and none is
    believed.
    """
    done: list[Publication] = []
    answers: list[_Answer] = []
    for destination in destinations:
        last = published.last(destination.name)
        old = parse_checkpoint(parse_note(last).text).size if last else 0
        if last and not _anything_new(journal, old):
            done.append(Publication(destination.name, old, False, last))
            continue
        try:
            answers.append(_published(prover, destination, old, witnesses, verify))
        except StoreError as error:
            done.append(Publication(destination.name, prover.head.size, False, "", error=error))
    # One note with what all witnesses said: a quorum has to be found on one checkpoint.
    plain, head = parse_note(prover.head.checkpoint), prover.head
    lines = dict.fromkeys(line for answer in answers for line in answer.lines)
    note = str(Note(plain.text, (*plain.signatures, *lines)))
    proof_from = submissions(prover)
    for answer in answers:
        published.keep(answer.destination.name, replace(proof_from(answer.old_size), note=note))
        done.append(Publication(answer.destination.name, head.size, True, note, answer.cosigned_by))
    journal.record(*(
        CheckpointPublished(
            head.size, head.root_hash, answer.destination.name, answer.destination.off_host, answer.cosigned_by
        )
        for answer in answers
    ))  # fmt: skip
    names = [destination.name for destination in destinations]
    return sorted(done, key=lambda each: names.index(each.destination))


@dataclass(frozen=True, slots=True)
class _Answer:
    destination: Destination
    old_size: int
    lines: tuple[NoteSignature, ...]
    cosigned_by: tuple[str, ...]


def _anything_new(journal: Journal, size: int) -> bool:
    """Whether the log has more since than the record of publications: else a timer would never let it rest."""
    return any(entry.kind != CheckpointPublished.kind for entry in journal.log.entries(size + 1))


def _published(
    prover: Prover, destination: Destination, old: int, witnesses: Sequence[WitnessKey] | None, verify: Verify
) -> _Answer:
    added = destination.publish(submissions(prover))
    if witnesses is None:
        return _Answer(destination, old, added, ())
    found = Note(parse_note(prover.head.checkpoint).text, added)
    held = [key for key in witnesses if added and cosigned_at(found, key, verify) is not None]
    known = {(key.name, key.key_id) for key in held}
    lines = tuple(line for line in added if (line.name, line.key_id) in known)
    return _Answer(destination, old, lines, tuple(key.name for key in held))


def submissions(prover: Prover) -> Callable[[int], Submission]:
    """The head's checkpoint with the proof from any earlier size."""
    head = prover.head

    def proof_from(old_size: int) -> Submission:
        if old_size > head.size:
            raise Tampered(
                f"the log has {head.size} events, and a checkpoint of {old_size} was seen", hint="events were lost"
            )
        hashes = prover.consistency(old_size).hashes if old_size else ()
        return Submission(old_size, hashes, head.checkpoint)

    return proof_from
