"""Writes tests/vectors/bundle/*: a complete range and a selection, out of one log whose keys change.

Run as `python -m tests.vectors.generate_bundle_vectors` from the project's root. A bundle of format 1 is read for ever,
and the same log and range give the same bytes: a test compares.
"""

import json
from pathlib import Path

from application.audit.exporting import Wanted
from domain.bundle.manifest import Filters
from domain.ledger.keys import VerifierKey
from tests.support.bundles import ROOT_VKEY, a_log, bundle_bytes
from tests.support.logs import ORIGIN

HERE = Path(__file__).parent / "bundle"


def vectors() -> dict[str, bytes]:
    """File name → content."""
    log = a_log(24)
    keys = {
        "first_log_key": str(log.vkey), "last_log_key": str(VerifierKey(ORIGIN, log.log_key.public_key)),
        "root_key": str(ROOT_VKEY),
    }  # fmt: skip
    anchors = list(log.notes.values())[:2]
    return {
        "range.bundle": bundle_bytes(log, Wanted(9, 19, anchors=anchors)),
        "selection.bundle": bundle_bytes(log, Wanted(0, log.size, Filters(actor="mallory"))),
        "keys.json": json.dumps(keys, indent=1).encode() + b"\n",
    }


def main() -> None:
    HERE.mkdir(exist_ok=True)
    for name, data in vectors().items():
        (HERE / name).write_bytes(data)


if __name__ == "__main__":
    main()
