"""Coverage-guided fuzzing with atheris: `python -m tests.fuzz.guided NAME -runs=100000` from the project's root.

atheris is no dependency of ours, since its wheels lag behind new Pythons: `pip install atheris` first.
Without NAME it prints the names.
"""

import atexit
import shutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["domain", "application", "adapters", "storectl"]):
    from tests.fuzz.targets import TARGETS, run


def main() -> None:
    if len(sys.argv) < 2 or sys.argv[1] not in TARGETS:
        sys.stderr.write("\n".join(TARGETS) + "\n")
        sys.exit(2)
    name = sys.argv.pop(1)
    corpus = Path(tempfile.mkdtemp(prefix="storectl-corpus-"))
    atexit.register(shutil.rmtree, corpus, ignore_errors=True)
    for number, seed in enumerate(TARGETS[name].seeds):
        (corpus / str(number)).write_bytes(seed)
    atheris.Setup([*sys.argv, str(corpus)], lambda data: run(name, data))
    atheris.Fuzz()


if __name__ == "__main__":
    main()
