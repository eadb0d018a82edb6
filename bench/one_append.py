"""One event appended to a store's log, in a process whose memory is measured: `python -m bench.one_append SYSROOT`."""

import sys
from pathlib import Path

from bench.logs import append, open_log
from domain.events.store import CommitsPruned

if __name__ == "__main__":
    with open_log(Path(sys.argv[1])) as log:
        append(log, [CommitsPruned(0)], "", 0)
