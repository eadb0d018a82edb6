"""`storectl backup --verify`: every generation of a backup read back."""

from pathlib import Path

from adapters.backup.directory import BackupDirectory
from adapters.event_log.raw_file import RawLogFile
from adapters.keys.ed25519 import verify
from application.audit.verifying import Trust, verify_log
from cli.output import many
from cli.session import Session
from domain.backups import Generation, Lacking
from domain.errors import NotFound, StoreError, Tampered
from domain.ledger.keys import parse_vkey


def check_backup(session: Session, dest: Path) -> None:
    """Tell what each generation holds. Raises Tampered (exit 3), naming all that is missing or changed; NotFound."""
    place = BackupDirectory(dest.absolute(), session.layout, session.runner)
    numbers = place.numbers()
    if not numbers:
        raise NotFound(f"there is no backup in {dest}", hint="'storectl backup' makes one")
    rows, wrong = [], []
    for number in numbers:
        found = list(backup_problems(place, number))
        wrong += found
        rows.append({
            "generation": number, "whole": not found,
            "problems": [{"target": each.target, "detail": each.detail} for each in found],
        })  # fmt: skip
    if session.out.json:
        session.out.answer({"backup": str(dest), "whole": not wrong, "generations": rows})
    else:
        for row, number in zip(rows, numbers, strict=True):
            session.out.line(f"generation {number}: {'whole' if row['whole'] else 'damaged'}")
        for each in dict.fromkeys(wrong):
            session.out.line(f"  {each.detail}")
    if wrong:
        shown = list(dict.fromkeys(each.detail for each in wrong))
        raise Tampered(
            "; ".join(shown[:5]) + (f"; and {many(len(shown) - 5, 'more problem')}" if len(shown) > 5 else ""),
            hint="'storectl backup' writes a new generation, and missing or changed blobs again",
        )


def backup_problems(place: BackupDirectory, number: int) -> list[Lacking]:
    """Whatever is wrong with one generation, its log included; never raises a StoreError."""
    try:
        generation = place.read(number)
        found = place.problems(generation)
        return found or _log_problems(place, generation)
    except StoreError as error:
        return [Lacking(f"generation {number}", error.message)]


def _log_problems(place: BackupDirectory, generation: Generation) -> list[Lacking]:
    """Under the key that the backup names: whether it is what was written. Whose log it is, `replay --key` asks."""
    log = place.place(generation.number) / "log.db"
    verdict = verify_log(RawLogFile(log), Trust(parse_vkey(generation.vkey)), verify)
    if verdict.verdict == "verified" and (verdict.size, verdict.root_hash) == (generation.size, generation.root_hash):
        return []
    words = verdict.findings[0].problem if verdict.findings else "it is not the log that the record names"
    return [Lacking("log.db", f"{log}: {words}")]
