"""A how-to page carried out: its shell blocks, run as they stand against a lab host.

What a page cannot know is replaced: `/sysroot` is the lab host's, and a test names more (a registry's name, a
destination). A command that is meant to fail says so in the page: `storectl fsck  # exit 6: the layer is missing`.
"""

import os
import re
import shlex
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tests.lab.host import LabHost

HOW_TO = Path(__file__).resolve().parents[2] / "docs/how-to"
# Lab registries speak plain HTTP. Commands without the option ignore the variable.
_REACHING = ("ADOPT", "BIND", "DEPLOY", "DRILL", "FSCK", "HEAL", "PULL", "REPLAY", "RESUME")
_MARK = "@@runbook"
_EXPECTED = re.compile(r"#\s*exit (\d+)\b")


@dataclass(frozen=True)
class Command:
    """One complete command of a page, `code` the exit code that the page says it ends with; `line` is the page's."""

    heading: str
    line: int
    text: str
    code: int


@dataclass(frozen=True)
class Said:
    """A command of a page, and what it printed: stdout and stderr together, as a terminal shows them."""

    command: Command
    out: str


def read_commands(page: Path) -> list[Command]:
    """The commands of the `sh` blocks, and those of the `console` blocks (behind `$ `), in the page's order.

    A command goes on over as many lines as the shell needs to understand it (`\\`, a loop, a here-document).
    """
    found: list[Command] = []
    heading, language, kept, began = "", "", "", 0
    for number, line in enumerate(page.read_text().splitlines(), 1):
        if line.startswith("```"):
            assert not kept, f"{page.name}:{began}: not a whole command: {kept!r}"
            language = "" if language else line.removeprefix("```").strip() or "text"
        elif not language and line.startswith("#"):
            heading = line.lstrip("# ")
        elif language == "sh" or (language == "console" and (kept or line.startswith("$ "))):
            began = began if kept else number
            kept += line.removeprefix("$ ") + "\n"
            if _whole(kept):
                if kept.strip() and not kept.lstrip().startswith("#"):
                    expected = _EXPECTED.search(kept)
                    found.append(Command(heading, began, kept, int(expected[1]) if expected else 0))
                kept = ""
    return found


def _whole(text: str) -> bool:
    """Whether the shell would not ask for more; `<digest>` stands for something, and is no redirection."""
    done = subprocess.run(
        ["bash", "-n"], input=re.sub(r"<(\w+)>", r"\1", text), capture_output=True, text=True, check=False
    )  # fmt: skip
    return done.returncode == 0 and "here-document" not in done.stderr and not text.endswith("\\\n")


@dataclass
class Runbook:
    """`replace`: text in the page → what stands for it here, applied in this order before `/sysroot` is.

    Variables and the working directory that one command sets last until the end of a `run`.
    """

    page: Path
    host: LabHost
    replace: Mapping[str, str] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, name: str, host: LabHost, replace: Mapping[str, str] | None = None) -> "Runbook":
        """The page `docs/how-to/<name>.md`."""
        return cls(HOW_TO / f"{name}.md", host, replace or {})

    def run(self, *headings: str) -> list[Said]:
        """Carry out the page, or only the sections of these headings; every exit code has to be the page's."""
        commands = read_commands(self.page)
        unknown = set(headings) - {command.heading for command in commands}
        assert not unknown, f"{self.page.name} has no commands under {unknown}"
        wanted = [command for command in commands if not headings or command.heading in headings]
        assert wanted, f"{self.page.name} has no commands"
        done = subprocess.run(
            ["bash", "-c", self._script(wanted)], stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT, text=True, env=self._environment(), cwd=self.host.directory, timeout=300,
            check=False,
        )  # fmt: skip
        outs = re.split(rf"{_MARK} (\d+)\n", done.stdout)
        said = [Said(command, out) for command, out in zip(wanted, outs[0::2], strict=False)]
        for each, code in zip(said, outs[1::2], strict=False):
            where = f"{self.page.name}:{each.command.line}: {each.command.text.strip()}"
            assert int(code) == each.command.code, f"{where}\nexit {code} instead of {each.command.code}\n{each.out}"
            assert "Traceback" not in each.out, f"{where}\n{each.out}"
        assert len(outs) // 2 == len(wanted), f"{self.page.name} stopped: {done.stdout[-2000:]}"
        return said

    def _script(self, commands: list[Command]) -> str:
        lines = []
        for command in commands:
            text = command.text
            for old, new in self.replace.items():
                text = text.replace(old, new)
            text = re.sub(r"(?<![\w/.-])/sysroot\b", shlex.quote(str(self.host.sysroot)), text)
            lines.append(f"{text.rstrip()}\necho '{_MARK}' $?")
        return "\n".join(lines)

    def _environment(self) -> dict[str, str]:
        programs = self.host.directory / "runbook-bin"
        programs.mkdir(exist_ok=True)
        # With the PATH as it was: the podman below is the page's, not the one that storectl runs.
        path = shlex.quote(os.environ["PATH"])
        _program(programs / "storectl", f'PATH={path} exec {shlex.quote(sys.executable)} -m storectl "$@"')
        # As elsewhere in the lab: no mount may be left behind, and the machine's own runroot is not touched.
        runroot = f"/run/storectl-lab/{self.host.prefix}-{self.host.store.name}"
        _program(
            programs / "podman",
            f'exec unshare --mount --propagation private {_real("podman")} --runroot {runroot} "$@"',
        )
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("STORECTL_")}
        return {
            **inherited,
            "PATH": f"{programs}:{inherited['PATH']}",
            "STORECTL_SYSROOT": str(self.host.sysroot),
            **{f"STORECTL_{name}_TLS_VERIFY": "false" for name in _REACHING},
            **self.environment,
        }


def _real(program: str) -> str:
    done = subprocess.run(["bash", "-c", f"command -v {program}"], capture_output=True, text=True, check=True)
    return done.stdout.strip()


def _program(path: Path, text: str) -> None:
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
