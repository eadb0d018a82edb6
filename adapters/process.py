"""The one place that starts processes.

An argv list, never a shell; an environment built up, not inherited; stdin from /dev/null; a time limit on every
call; output bounded; a call that is cut short takes its whole process group with it. Modelled on what mkosi's run()
and bootc's command wrapper promise.
"""

import os
import selectors
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from adapters import running
from adapters.process_progress import ProgressWatch
from domain.errors import Failed, ProgramFailed, ProgramMissing

MAX_OUTPUT = 64 * 1024 * 1024  # bytes kept of stdout; a program that says more is broken or hostile
STDERR_TAIL = 1024  # bytes of stderr that an error quotes
DEFAULT_TIMEOUT = 120.0  # seconds
TRANSFER_TIMEOUT = 6 * 3600.0  # seconds, for what moves images or commits over a network
STALL_S = 120.0  # seconds without a byte read or written, after which such a transfer is given up
# Proxies and the dynamic linker's view of the world must come through; nothing else of the caller's environment does.
_INHERITED = (
    "PATH",
    "HOME",
    "TMPDIR",
    "HTTP_PROXY",
    "HTTPS_PROXY",
    "NO_PROXY",
    "http_proxy",
    "https_proxy",
    "no_proxy",
    "XDG_RUNTIME_DIR",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "CONTAINERS_REGISTRIES_CONF",
    "OSTREE_SYSROOT_DEBUG",
)
PACKAGES = {
    "skopeo": "skopeo", "ostree": "ostree", "podman": "podman", "unshare": "util-linux",
    "setpriv": "util-linux", "nsenter": "util-linux",
    "dot": "graphviz",
    "/usr/bin/python3": "python3-gi and gir1.2-ostree-1.0",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Result:
    """What a finished program left: its exit code, stdout whole, stderr whole (both bounded)."""

    argv: tuple[str, ...]
    code: int
    stdout: bytes
    stderr: bytes

    @property
    def text(self) -> str:
        return self.stdout.decode("utf-8", "replace")

    @property
    def complaint(self) -> str:
        """The last of what it said on stderr, one line, control characters removed."""
        tail = self.stderr[-STDERR_TAIL:].decode("utf-8", "replace").strip()
        return (
            " ".join("".join(c if c.isprintable() else " " for c in tail).split())
            or f"exit code {self.code}, no message"
        )


@dataclass(slots=True)
class Runner:
    """Runs programs. `trace(level, text)` gets each command (level 1) and its stderr lines (level 2).

    `stall_s`: how long what transfers something may take without getting anywhere.
    """

    trace: Callable[[int, str], None] = lambda level, text: None
    environment: Mapping[str, str] = field(default_factory=dict)
    stall_s: float = STALL_S

    def run(
        self,
        argv: Sequence[str | os.PathLike[str]],
        *,
        timeout: float = DEFAULT_TIMEOUT,
        private_mounts: bool = False,
        check: bool = True,
        cwd: Path | None = None,
        on_line: Callable[[str], None] | None = None,
        environment: Mapping[str, str] | None = None,
        input_file: Path | None = None,
        transfers: bool = False,
    ) -> Result:
        """Run to the end. With `private_mounts` in a mount namespace of its own, so that no mount outlives it.

        `on_line` is given each line of stdout as it comes. With `transfers` a program that reads and writes nothing for
        `stall_s` seconds is stopped. However we die, the program dies with us. Raises ProgramMissing (127 or not on
        PATH), ProgramFailed (non-zero exit when `check`, killed by a signal, or over `timeout` seconds), Failed (too
        much output).
        """
        words = tuple(os.fspath(word) for word in argv)
        # The kernel ends the program when we die: the next command must not meet one that still writes.
        prefix = ["setpriv", "--pdeathsig", "KILL", "--"]
        if private_mounts:
            prefix += ["unshare", "--mount", "--propagation", "private", "--"]
        for program in (words[0], "setpriv", *(("unshare",) if private_mounts else ())):
            if shutil.which(program) is None:
                package = PACKAGES.get(program, program)
                raise ProgramMissing(f"the program {program!r} is not installed", hint=f"install the package {package}")
        self.trace(1, "$ " + " ".join(words))
        result = self._communicate(
            words[0], (*prefix, *words), timeout, cwd, on_line, environment or {}, input_file, transfers
        )
        result = Result(words, result.code, result.stdout, result.stderr)
        for line in result.stderr.decode("utf-8", "replace").splitlines():
            self.trace(2, line)
        if result.code < 0:
            raise ProgramFailed(f"{words[0]} was killed by {_signal_name(-result.code)}: {result.complaint}")
        if result.code == 127 and not result.stdout:
            raise ProgramMissing(f"{words[0]} could not be started: {result.complaint}")
        if check and result.code != 0:
            raise ProgramFailed(
                f"{' '.join(words[:2])} failed: {result.complaint}", hint=f"the command was: {' '.join(words)}"
            )
        return result

    def _communicate(
        self,
        program: str,
        argv: tuple[str, ...],
        timeout: float,
        cwd: Path | None,
        on_line: Callable[[str], None] | None,
        environment: Mapping[str, str],
        input_file: Path | None,
        transfers: bool,
    ) -> Result:
        inherited = {name: os.environ[name] for name in _INHERITED if name in os.environ}
        stdin = input_file.open("rb") if input_file else subprocess.DEVNULL
        try:
            process = subprocess.Popen(
                argv, stdin=stdin, stdout=subprocess.PIPE, stderr=subprocess.PIPE, cwd=cwd, start_new_session=True,
                env={"PATH": os.defpath, **inherited, "LC_ALL": "C.UTF-8", **self.environment, **environment},
            )  # fmt: skip
        except OSError as error:
            raise Failed(f"cannot start {program}: {error.strerror}") from error
        finally:
            if not isinstance(stdin, int):
                stdin.close()
        out, err, lines = bytearray(), bytearray(), _Lines(on_line)
        watch = ProgressWatch(process.pid, self.stall_s) if transfers else None
        try:
            running.entered(process.pid)
            for name, chunk in _chunks(process, time.monotonic() + timeout, watch):
                if name == "stdout":
                    out += chunk
                    lines.feed(chunk)
                else:
                    err += chunk
                    del err[:-MAX_OUTPUT]
                if len(out) > MAX_OUTPUT:
                    raise Failed(f"{program} printed more than {MAX_OUTPUT} bytes: stopped")
            lines.end()
            code = process.wait()
        except TimeoutError:
            raise ProgramFailed(f"{program} did not finish in {timeout:g} s: stopped") from None
        except _Stalled:
            raise ProgramFailed(
                f"{program} got nothing for {self.stall_s:g} s: stopped",
                hint="does the other side send anything? '[transfers] stall_seconds' in config.toml is the limit",
            ) from None
        finally:
            # Whatever ended the call (time limit, Ctrl-C, an error of ours): no child outlives it.
            if process.poll() is None:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
            running.left(process.pid)
            for pipe in (process.stdout, process.stderr):
                if pipe is not None:
                    pipe.close()
        return Result(argv, code, bytes(out), bytes(err))


class _Lines:
    def __init__(self, on_line: Callable[[str], None] | None) -> None:
        self._on_line, self._rest = on_line, b""

    def feed(self, chunk: bytes) -> None:
        if self._on_line is not None:
            *whole, self._rest = (self._rest + chunk).split(b"\n")
            for line in whole:
                self._on_line(line.decode("utf-8", "replace"))

    def end(self) -> None:
        if self._on_line is not None and self._rest:
            self._on_line(self._rest.decode("utf-8", "replace"))


class _Stalled(Exception):
    """Nothing read and nothing written for too long."""


def _chunks(
    process: "subprocess.Popen[bytes]", deadline: float, watch: ProgressWatch | None
) -> Iterator[tuple[str, bytes]]:
    """(stream name, bytes) until both pipes are closed; TimeoutError at the deadline, _Stalled."""
    with selectors.DefaultSelector() as selector:
        for name, pipe in (("stdout", process.stdout), ("stderr", process.stderr)):
            assert pipe is not None, "both are opened as pipes"
            selector.register(pipe, selectors.EVENT_READ, name)
        while selector.get_map():
            left = deadline - time.monotonic()
            if left <= 0:
                raise TimeoutError
            if watch is not None and watch.stalled():
                raise _Stalled
            for key, _ in selector.select(min(left, watch.interval_s) if watch else left):
                chunk = os.read(key.fd, 65536)
                if chunk:
                    yield key.data, chunk
                else:
                    selector.unregister(key.fileobj)


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"
