"""One line on the terminal that says what goes on: drawn over again while something takes long, gone when it is over.

    ⠹ ██████░░░░░░░░░░░░░░  31 %  pulling quay.io/o/app:1  (12 s)

Only for people: where stderr is no terminal nothing is drawn, ever. The cursor is left alone, so that a process that
is killed leaves the terminal as it was.
"""

import os
import sys
import threading
import time

DELAY_S = 1.0  # what is over sooner needs no line
_EVERY_S = 0.1
_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_BAR = 20  # columns
_ERASE = "\r\x1b[K"


class LiveLine:
    """Told from any thread; drawn by one of its own, which dies with the process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._over = threading.Event()
        self._drawing: threading.Thread | None = None
        self._began = 0.0
        self._text, self._done, self._total = "", 0, 0
        self._drawn = False

    def tell(self, text: str) -> None:
        """What goes on now."""
        with self._lock:
            self._text = text
        self._start()

    def measure(self, done: int, total: int) -> None:
        """How far it is; a total of 0 takes the bar away."""
        with self._lock:
            self._done, self._total = done, total
        self._start()

    def above(self, text: str) -> None:
        """A line that stays, on stderr, above this one."""
        with self._lock:
            self._erase()
            sys.stderr.write(text + "\n")
            sys.stderr.flush()

    def end(self) -> None:
        """Nothing goes on any more: the line goes."""
        self._over.set()
        if self._drawing is not None:
            self._drawing.join()
            self._drawing = None
        with self._lock:
            self._erase()

    def line(self, seconds: float, columns: int) -> str:
        """The line as it is after so many seconds, cut to the terminal."""
        frame = _FRAMES[int(seconds / _EVERY_S) % len(_FRAMES)]
        bar = ""
        if self._total > 0:
            part = min(1.0, self._done / self._total)
            full = int(part * _BAR)
            bar = f" {'█' * full}{'░' * (_BAR - full)} {int(part * 100):>3} % "
        return f"{frame}{bar} {self._text}  ({seconds:.0f} s)"[: max(0, columns - 1)]

    def _start(self) -> None:
        if self._drawing is None and not self._over.is_set():
            self._began = time.monotonic()
            self._drawing = threading.Thread(target=self._draw, daemon=True)
            self._drawing.start()

    def _draw(self) -> None:
        wait_s = DELAY_S
        while not self._over.wait(wait_s):
            wait_s = _EVERY_S
            with self._lock:
                sys.stderr.write(_ERASE + self.line(time.monotonic() - self._began, _columns()))
                sys.stderr.flush()
                self._drawn = True

    def _erase(self) -> None:
        if self._drawn:
            sys.stderr.write(_ERASE)
            sys.stderr.flush()
            self._drawn = False


def _columns() -> int:
    try:
        return os.get_terminal_size(sys.stderr.fileno()).columns or 80
    except OSError:
        return 80


LIVE = LiveLine()
"""The process's one: whoever ends the process ends it."""
