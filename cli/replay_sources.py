"""What `replay --from` names: a backup, a rescued sysroot or state directory, a log by itself, or a bundle."""

import tempfile
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import click

from adapters.backup.directory import BackupDirectory
from adapters.event_log.from_records import write_log
from adapters.event_log.high_water import HighWater, Mark
from adapters.event_log.opening import log_keys
from adapters.event_log.raw_file import RawLogFile
from adapters.event_log.reader import LogReader
from adapters.files.archive import Archive
from adapters.keys.ed25519 import verify
from application.audit.bundle_reading import read_claims, records, small, text
from application.audit.verdict import Verdict
from application.audit.verifying import Trust, verify_log
from cli.session import Session
from domain.bundle.manifest import CHECKPOINT, MEMBERS
from domain.errors import BadInput, Failed, NotFound, Tampered, Unchecked
from domain.ledger.checkpoint import parse_checkpoint, parse_note
from domain.ledger.keys import VerifierKey, parse_vkey


@dataclass(frozen=True, slots=True)
class ReplaySource:
    """`log` is the file; `layout` and `commits` a backup's content (empty: none); `high_water` the mark that was kept
    beside the log on the machine itself, `config` its configuration.
    """

    shown: Path
    log: Path
    layout: str = ""
    commits: str = ""
    high_water: Path | None = None
    config: Path | None = None


def open_source(session: Session, place: Path, generation: int | None) -> ReplaySource:
    """Find the log. Raises NotFound; Tampered for a backup whose log, keys or record were changed."""
    place = place.absolute()
    if (place / "generations").is_dir():
        return _backup(session, place, generation)
    for state in (place / "ostree/storectl", place):
        if (state / "log.db").is_file():
            mark, config = state / "checkpoints/high-water", state / "config.toml"
            return ReplaySource(
                place, state / "log.db", high_water=mark if mark.is_file() else None,
                config=config if config.is_file() else None,
            )  # fmt: skip
    if place.is_file():
        return ReplaySource(place, place if _is_database(place) else _unpacked(place))
    raise NotFound(f"{place} is no backup, and has no event log", hint="name a backup's directory, or a log.db")


def _is_database(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(16) == b"SQLite format 3\0"


def _unpacked(bundle: Path) -> Path:
    """The log that an auditor's bundle of all events holds, as a file for as long as this command runs.

    Raises BadInput for what is no bundle, or not of all events.
    """
    directory = click.get_current_context().with_resource(tempfile.TemporaryDirectory(prefix="storectl-"))
    with closing(Archive(bundle, MEMBERS)) as archive:
        claims = read_claims(archive)
        note = text(small(archive, CHECKPOINT), CHECKPOINT)
        size = parse_checkpoint(parse_note(note).text).size
        if claims.proves != "completeness" or (claims.first, claims.last) != (1, size):
            raise BadInput(
                f"{bundle} does not hold all {size} events of the log", hint="'storectl audit export -o FILE' does"
            )
        log = Path(directory) / "log.db"
        write_log(log, records(archive), note)
    return log


def _backup(session: Session, place: Path, number: int | None) -> ReplaySource:
    backup = BackupDirectory(place, session.layout, session.runner)
    numbers = backup.numbers()
    if not numbers:
        raise NotFound(f"there is no generation in {place}", hint="every run of 'storectl backup' makes one")
    generation = backup.read(number or numbers[-1])
    wrong = backup.file_problems(generation)
    if wrong:
        raise Tampered(
            "; ".join(each.detail for each in wrong[:5]), hint="an older generation may hold: --generation N"
        )
    here = backup.place(generation.number)
    config = here / "config.toml"
    images, commits = place / "images", place / "commits"
    return ReplaySource(
        place, here / "log.db", str(images) if images.is_dir() else "", str(commits) if commits.is_dir() else "",
        config=config if config.is_file() else None,
    )  # fmt: skip


def verified(source: ReplaySource, vkey: str | None, *, trust_source: bool, against: list[str]) -> VerifierKey:
    """The key under which the whole log holds, from outside. Raises Tampered (3), Unchecked (7).

    `trust_source` takes the key that the log itself names: somebody has decided that the place it lies in is honest.
    """
    if not vkey and not trust_source:
        raise Unchecked(
            f"whose log {source.log} is cannot be checked without its verifier key from outside",
            hint="--key VKEY, as 'storectl init' printed it; or, if this place is beyond doubt, --trust-backup-key",
        )
    given = parse_vkey(vkey) if vkey else None
    try:
        key = given or _own_key(source)
        mark = _mark(source)
        notes = [*against, *([mark.note] if mark else [])]
        verdict = verify_log(RawLogFile(source.log), Trust(key, None, notes), verify)
    except (BadInput, Failed) as error:
        # A file that cannot be read is neither "verified" nor "tampered".
        raise Unchecked(f"the log could not be checked: {error.message}", hint=error.hint) from error
    _require_verified(source, verdict)
    return key


def _own_key(source: ReplaySource) -> VerifierKey:
    with LogReader(source.log) as reader:
        return VerifierKey(reader.origin, reader.key_schedule(verify).current("log"))


def _mark(source: ReplaySource) -> Mark | None:
    """The high-water mark that the machine kept outside the log, where it was rescued along."""
    if source.high_water is None:
        return None
    with LogReader(source.log) as reader:
        keys = log_keys(reader.key_schedule(verify), reader.origin)
    return HighWater(source.high_water, keys, verify).read()


def _require_verified(source: ReplaySource, verdict: Verdict) -> None:
    if verdict.verdict == "verified":
        return
    first = verdict.findings[0]
    where = f"event {first.position}: " if first.position else ""
    kind = Tampered if verdict.verdict == "tampered" else Unchecked
    raise kind(f"the log {source.log} is not replayed: {where}{first.problem}", hint="nothing was changed")


def is_last_known(source: ReplaySource, against: list[str]) -> bool:
    """Whether somebody else than the log says that it is complete: the mark that the machine kept outside of it, or a
    checkpoint that was kept elsewhere and is said to be the last, are of this very size.
    """
    with LogReader(source.log) as reader:
        head = reader.head()
    sizes = [parse_checkpoint(parse_note(note).text).size for note in against]
    mark = _mark(source)
    sizes += [mark.size] if mark else []
    return bool(sizes) and max(sizes) == head.size
