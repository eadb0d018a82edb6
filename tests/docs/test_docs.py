"""The documentation against the project: links lead somewhere, commands exist, README.md is fresh."""

import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from cli.main import cli

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
EXAMPLES = [ROOT / "README.md", ROOT / "docs/tutorial.md", *sorted((ROOT / "docs/how-to").glob("*.md"))]
CONFIGURATION = ROOT / "docs/reference/configuration.md"

_FENCE = re.compile(r"^```(\w*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ +(.+)$", re.MULTILINE)
_COMMAND = re.compile(r"(?:^|\$ |\(|\| |; |ExecStart=)storectl (?P<words>[^|;&)#\n]*)")


def page_id(page: Path) -> str:
    return page.relative_to(ROOT).as_posix()


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as forges make them."""
    headings = _HEADING.findall(_FENCE.sub("", page.read_text()))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=page_id)
def test_relative_links_lead_to_a_file_and_to_a_heading(page: Path) -> None:
    for link in _LINK.findall(_FENCE.sub("", page.read_text())):
        path, _, anchor = link.partition("#")
        if "://" in link:
            continue
        target = (page.parent / path).resolve() if path else page
        assert target.exists(), f"{link} leads nowhere"
        assert not anchor or anchor in anchors(target), f"{link}: no such heading"


def commands(text: str) -> Iterator[list[str]]:
    """The words after `storectl` of each command in the fenced blocks of a page."""
    for language, block in _FENCE.findall(text):
        if language in ("sh", "console", "ini"):
            for line in block.splitlines():
                # A console's output is not a command.
                if language != "console" or line.startswith("$ "):
                    for found in _COMMAND.finditer(line.strip()):
                        yield shlex.split(found["words"].replace("<", "").replace(">", " ").replace('"', ""))


def problem(words: list[str]) -> str:
    """What is wrong with a command; empty: nothing. Arguments and options' values are not looked at."""
    command: click.Command = cli
    options = _options(command)
    rest = iter(words)
    for word in rest:
        name, assigned, _ = word.partition("=")
        if word.startswith("-") and word != "-":
            if name not in options:
                return f"{command.name} has no option {name}"
            if options[name] and not assigned:
                next(rest, None)
        elif isinstance(command, click.Group):
            found = command.get_command(click.Context(command), word)
            if found is None:
                return f"there is no command {word!r}"
            command, options = found, options | _options(found)
    return ""


def _options(command: click.Command) -> dict[str, bool]:
    """Option → whether a value follows it."""
    options = [option for option in command.params if isinstance(option, click.Option)]
    named = {
        name: not (option.is_flag or option.count)
        for option in options
        for name in (*option.opts, *option.secondary_opts)
    }
    return named | {"--help": False, "-h": False}


@pytest.mark.parametrize("page", EXAMPLES, ids=page_id)
def test_examples_name_commands_and_options_that_exist(page: Path) -> None:
    found = list(commands(page.read_text()))
    assert found, "a page of examples without a command"
    assert not [f"storectl {' '.join(words)}: {said}" for words in found if (said := problem(words))]


@pytest.mark.parametrize("words", [["prune"], ["gc", "--force"], ["keys", "delete"], ["--root", "/", "gc"]])
def test_a_command_that_does_not_exist_is_found(words: list[str]) -> None:
    assert problem(words)


def test_every_variable_that_is_documented_is_read() -> None:
    known = {"STORECTL_KEY_PASSPHRASE_FILE", *_variables(cli, "STORECTL")}
    documented = set(re.findall(r"STORECTL_[A-Z_]+[A-Z]", CONFIGURATION.read_text()))
    assert documented - known == set()


def _variables(command: click.Command, prefix: str) -> Iterator[str]:
    """As click's `auto_envvar_prefix` makes them."""
    for parameter in command.params:
        given = [parameter.envvar] if isinstance(parameter.envvar, str) else list(parameter.envvar or ())
        yield from given
        yield f"{prefix}_{(parameter.name or '').upper()}"
    if isinstance(command, click.Group):
        for name in command.list_commands(click.Context(command)):
            found = command.get_command(click.Context(command), name)
            assert found is not None
            yield from _variables(found, f"{prefix}_{name.upper().replace('-', '_')}")


def test_the_session_in_the_readme_is_the_recorded_one() -> None:
    done = subprocess.run(
        [sys.executable, str(ROOT / "scripts/generate_readme.py"), "--check"],
        capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
