"""The one place that renders: JSON or words on stdout, everything else on stderr."""

import json
import os
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import TextIO

from cli.live_line import LIVE
from cli.settings import Settings
from domain.errors import StoreError
from domain.sizes import format_bytes

_STYLES = {"error": "\x1b[31;1m", "hint": "\x1b[36m", "heading": "\x1b[1m", "off": "\x1b[0m"}


class Output:
    """How one command answers. What goes to stderr may come from any thread."""

    def __init__(self, settings: Settings) -> None:
        self.json = settings.json
        self._quiet = settings.quiet
        self._verbose = settings.verbose
        self._color = settings.color

    def answer(self, data: object) -> None:
        """The answer as one JSON document."""
        LIVE.end()
        sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False) + "\n")

    def json_line(self, data: object) -> None:
        """One document of JSON Lines."""
        sys.stdout.write(json.dumps(data, ensure_ascii=False, separators=(",", ":")) + "\n")

    def json_lines(self, lines: Iterable[bytes]) -> None:
        """Documents of JSON Lines that are encoded already."""
        sys.stdout.flush()
        rest = iter(lines)
        while chunk := b"".join(islice(rest, 500)):
            sys.stdout.buffer.write(chunk)
        sys.stdout.flush()

    def line(self, text: str = "") -> None:
        """A line of the answer for people."""
        LIVE.end()
        sys.stdout.write(printable(text) + "\n")

    def table(self, headings: Sequence[str], rows: Sequence[Sequence[str]], *, right: Sequence[int] = ()) -> None:
        """A table of the answer for people; columns in `right` are set flush right. Nothing where there are no rows.

        Never cut to the terminal's width: half an id is of no use, and the terminal wraps.
        """
        LIVE.end()
        if not rows:
            return
        cells = [[printable(cell).replace("\n", " ") for cell in row] for row in (headings, *rows)]
        widths = [max(map(_columns, column)) for column in zip(*cells, strict=True)]
        for number, row in enumerate(cells):
            text = "  ".join(_padded(cell, widths[i], i in right) for i, cell in enumerate(row)).rstrip()
            sys.stdout.write((self._styled("heading", text, sys.stdout) if number == 0 else text) + "\n")

    def flush(self) -> None:
        """What was answered so far reaches the reader now."""
        sys.stdout.flush()

    def note(self, text: str) -> None:
        """Something beside the answer: a warning, a hint."""
        if not self._quiet:
            self._to_stderr(text)

    def progress(self, text: str) -> None:
        """What goes on now; only for somebody who watches."""
        if self._watched():
            LIVE.tell(printable(text).replace("\n", " "))

    def measure(self, done: int, total: int) -> None:
        """How far it is: a bar, for somebody who watches."""
        if self._watched():
            LIVE.measure(done, total)

    def _watched(self) -> bool:
        return not self._quiet and not self.json and sys.stderr.isatty()

    def trace(self, level: int, text: str) -> None:
        """An external command (level 1) or a line that it said (level 2)."""
        if self._verbose >= level:
            self._to_stderr(text)

    def error(self, error: StoreError, exit_code: int | None = None) -> None:
        """An error and its hint, on stderr; `exit_code` where it is not the error's own."""
        if self.json:
            told = {
                "error": error.slug,
                "message": error.message,
                "hint": error.hint,
                "exit_code": exit_code or error.exit_code,
            }
            sys.stderr.write(json.dumps(told, ensure_ascii=False) + "\n")
            return
        self._to_stderr(f"{self._styled('error', f'storectl: {error.slug}:', sys.stderr)} {printable(error.message)}")
        if error.hint:
            self._to_stderr(f"{self._styled('hint', 'hint:', sys.stderr)} {printable(error.hint)}")

    def _to_stderr(self, text: str) -> None:
        LIVE.above(text)

    def _styled(self, style: str, text: str, stream: TextIO) -> str:
        wanted = self._color == "always" or (
            self._color == "auto" and stream.isatty() and not os.environ.get("NO_COLOR")
        )
        return f"{_STYLES[style]}{text}{_STYLES['off']}" if wanted else text


def _columns(text: str) -> int:
    """How many columns of a terminal the text takes: wide characters take two, combining ones none."""
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in ("W", "F") else 1 for c in text
    )


def _padded(text: str, width: int, right: bool) -> str:
    blanks = " " * (width - _columns(text))
    return blanks + text if right else text + blanks


def printable(text: str) -> str:
    """Text without control characters: a name from a registry must not drive somebody's terminal."""
    return "".join(c if c.isprintable() or c == "\n" else "\N{REPLACEMENT CHARACTER}" for c in text)


def os_words(error: OSError) -> str:
    """What the operating system complains about, and at which file."""
    place = f"{error.filename}: " if error.filename else ""
    return f"{place}{error.strerror or error}"


def many(count: int, what: str) -> str:
    """`1 image`, `2 images`."""
    return f"{count} {what}{'' if count == 1 else 's'}"


def size(count: int) -> str:
    """Bytes for people, in IEC units: `4.2 MiB`."""
    return format_bytes(count)
