"""The line that says what goes on: only while something takes long, on a terminal, and gone afterwards."""

import io
import threading
from pathlib import Path

import pytest

from cli import live_line
from cli.live_line import LiveLine
from cli.output import Output
from cli.settings import Settings


class Terminal(io.StringIO):
    """`drawn` is set as soon as something is written."""

    def __init__(self, *, terminal: bool = True) -> None:
        super().__init__()
        self.terminal, self.drawn = terminal, threading.Event()

    def isatty(self) -> bool:
        return self.terminal

    def fileno(self) -> int:
        raise OSError("no descriptor")

    def write(self, text: str) -> int:
        self.drawn.set()
        return super().write(text)


def terminal_of(monkeypatch: pytest.MonkeyPatch) -> Terminal:
    """In the test itself: pytest gives each phase a stderr of its own."""
    made = Terminal()
    monkeypatch.setattr("sys.stderr", made)
    monkeypatch.setattr(live_line, "DELAY_S", 0.0)
    return made


def test_it_is_drawn_over_and_gone_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    line = LiveLine()
    line.tell("pulling quay.io/o/app:1")
    assert terminal.drawn.wait(10)
    line.above("a warning that stays")
    line.end()
    text = terminal.getvalue()
    assert "pulling quay.io/o/app:1" in text
    assert "\r\x1b[Ka warning that stays\n" in text
    assert text.endswith(("\r\x1b[K", "a warning that stays\n")), "nothing of the line is left"
    line.tell("too late")
    assert terminal.getvalue() == text


def test_what_is_over_at_once_is_never_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    terminal = terminal_of(monkeypatch)
    monkeypatch.setattr(live_line, "DELAY_S", 3600.0)
    line = LiveLine()
    line.tell("quick")
    line.end()
    assert terminal.getvalue() == ""


@pytest.mark.parametrize(("done", "total", "bar"), [
    (0, 10, "░" * 20 + "   0 %"), (5, 10, "█" * 10 + "░" * 10 + "  50 %"), (10, 10, "█" * 20 + " 100 %"),
    (30, 10, "█" * 20 + " 100 %"), (0, 0, ""),
])  # fmt: skip
def test_the_bar(done: int, total: int, bar: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(live_line, "DELAY_S", 3600.0)
    line = LiveLine()
    line.tell("x")
    line.measure(done, total)
    drawn = line.line(12.3, 80)
    line.end()
    assert bar in drawn
    assert "%" not in drawn or total
    assert drawn.endswith("x  (12 s)")
    assert len(line.line(12.3, 10)) == 9, "cut to the terminal, which would wrap it"


@pytest.mark.parametrize(
    ("quiet", "as_json", "a_terminal"), [(True, False, True), (False, True, True), (False, False, False)]
)
def test_nobody_who_does_not_watch_is_shown_anything(
    quiet: bool, as_json: bool, a_terminal: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr("sys.stderr", Terminal(terminal=a_terminal))
    monkeypatch.setattr("cli.output.LIVE.tell", told.append)
    out = Output(Settings(Path(), as_json, 0, quiet, "auto"))
    out.progress("pulling")
    assert told == []
