"""The one place that renders: JSON or words on stdout, everything else on stderr."""

import json
import os
import sys
import threading
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cli.settings import Settings
from domain.errors import StoreError

if TYPE_CHECKING:
    from rich.console import Console

_STYLES = {"error": "\x1b[31;1m", "hint": "\x1b[36m", "off": "\x1b[0m"}
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class Output:
    """How one command answers. Thread-safe where progress needs it."""

    def __init__(self, settings: Settings) -> None:
        self.json = settings.json
        self._quiet = settings.quiet
        self._verbose = settings.verbose
        self._color = settings.color
        self._lock = threading.Lock()

    def answer(self, data: object) -> None:
        """The answer as one JSON document."""
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def json_line(self, data: object) -> None:
        """One document of JSON Lines."""
        sys.stdout.write(json.dumps(data, ensure_ascii=False) + "\n")

    def line(self, text: str = "") -> None:
        """A line of the answer for people."""
        sys.stdout.write(printable(text) + "\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """A table of the answer for people; columns in `right` are set flush right. Nothing where there are no rows."""
        if rows:
            console = self._console()
            with console.capture() as drawn:
                console.print(_rich_table(headings, rows, right), crop=False, overflow="ignore", no_wrap=True)
            # Columns are padded to their width: not at the end of a line.
            sys.stdout.write("".join(line.rstrip() + "\n" for line in drawn.get().splitlines()))

    def flush(self) -> None:
        """What was answered so far reaches the reader now."""
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something beside the answer: a warning, a hint."""
        if not self._quiet:
            self._to_stderr(text)

    def progress(self, text: str) -> None:
        """What goes on now; only for somebody who watches."""
        if not self._quiet and not self.json and sys.stderr.isatty():
            self._to_stderr(text)

    def trace(self, level: int, text: str) -> None:
        """An external command (level 1) or a line that it said (level 2)."""
        if self._verbose >= level:
            self._to_stderr(text)

    def error(self, error: StoreError) -> None:
        """An error and its hint, on stderr."""
        if self.json:
            told = {"error": error.slug, "message": error.message, "hint": error.hint, "exit_code": error.exit_code}
            sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
            return
        self._to_stderr(f"{self._styled('error', 'storectl: ' + error.slug + ':')} {printable(error.message)}")
        if error.hint:
            self._to_stderr(f"{self._styled('hint', 'hint:')} {printable(error.hint)}")

    def _to_stderr(self, text: str) -> None:
        with self._lock:
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def _styled(self, style: str, text: str) -> str:
        wanted = self._color == "always" or (
            self._color == "auto" and sys.stderr.isatty() and not os.environ.get("NO_COLOR")
        )
        return f"{_STYLES[style]}{text}{_STYLES['off']}" if wanted else text

    def _console(self) -> "Console":
        from rich.console import Console  # deferred: 40 ms that --json and scripts need not pay

        forced = {"always": True, "never": False, "auto": None}[self._color]
        # Not a terminal: never wrap or cut, whoever reads this wants whole lines.
        width = None if sys.stdout.isatty() else 10_000
        return Console(force_terminal=forced, no_color=self._color == "never" or None, width=width, highlight=False,
                       soft_wrap=True)  # fmt: skip


def _rich_table(headings: Sequence[str], rows: Sequence[Sequence[str]], right: Sequence[int]) -> Any:
    from rich.table import Table  # deferred with Console
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold", padding=(0, 2, 0, 0))
    for number, heading in enumerate(headings):
        table.add_column(heading, justify="right" if number in right else "left", no_wrap=True)
    for row in rows:
        table.add_row(*(Text(printable(cell)) for cell in row))
    return table


def printable(text: str) -> str:
    """Text without control characters: a name from a registry must not drive somebody's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def many(count: int, what: str) -> str:
    """`1 image`, `2 images`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Bytes for people, in IEC units: `4.2 MiB`."""
    value = float(count)
    for unit in _UNITS:
        if value < 1024 or unit == _UNITS[-1]:
            return f"{count} B" if unit == "B" else f"{value:.1f} {unit}"
        value /= 1024
    raise AssertionError("the last unit takes everything")
