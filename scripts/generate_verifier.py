"""Writes into storectl/verify_bundle.py the lengths and hashes of a bundle's fixed texts.

The verifier shares no code with storectl, and carries no copy of the report's page: it knows what it has to look like.
`python scripts/generate_verifier.py` after a change of domain/bundle/report.py or guide.py; `--check` only compares.
"""

import hashlib
import re
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from domain.bundle import guide, report  # noqa: E402 (the project's root has to be on the path first)

VERIFIER = ROOT / "storectl/verify_bundle.py"
TEXTS = {"HEAD": report.HEAD, "TABLE": report.TABLE, "TAIL": report.TAIL, "GUIDE": guide.TEXT}


def main() -> int:
    text = fresh = VERIFIER.read_text(encoding="utf-8")
    for name, content in TEXTS.items():
        data = content.encode()
        said = f'{name} = ({len(data)}, "{hashlib.sha256(data).hexdigest()}")'
        fresh = re.sub(rf'^{name} = \(\d+, "\w*"\)$', said, fresh, flags=re.MULTILINE)
    if "--check" in sys.argv[1:]:
        if fresh != text:
            sys.stderr.write("storectl/verify_bundle.py is not fresh: run 'make docs'\n")
        return int(fresh != text)
    VERIFIER.write_text(fresh, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
