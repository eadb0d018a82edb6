"""The house rules hold, and each of them would be noticed if it were broken."""

import pytest

from tests.architecture.checker import ROOT, breaches, cycles, length, sources
from tests.architecture.rules import BESIDE, DEFERRED, LAYERS, ONLY_IN, OWN_PROGRAM, STANDALONE, TYPES_ONLY


def test_the_house_rules_hold() -> None:
    found = [str(breach) for file, text in sources() for breach in breaches(file, text)]
    assert not found, "\n" + "\n".join(found)


def test_no_file_beside_the_layers_is_too_long() -> None:
    found = [str(breach) for file, text in sources(BESIDE) for breach in length(file, text)]
    assert not found, "\n" + "\n".join(found)


def test_there_are_no_import_cycles() -> None:
    found = cycles(dict(sources()))
    assert not found, "\n" + "\n".join(found)


def test_every_layer_is_read() -> None:
    assert {file.partition("/")[0] for file, _ in sources()} == set(LAYERS)


def test_every_exemption_is_of_something_that_exists() -> None:
    places = [*DEFERRED, *TYPES_ONLY, OWN_PROGRAM, STANDALONE, *(place for place, _ in ONLY_IN.values() if place)]
    assert not [place for place in places if not (ROOT / place).exists()]


BROKEN = [
    ("domain/x.py", "import os", "pure"),
    ("domain/x.py", "import random", "pure"),
    ("domain/x.py", "import time", "pure"),
    ("domain/x.py", "import uuid", "pure"),
    ("domain/x.py", "from pathlib import Path", "pure"),
    ("domain/x.py", "open('a')", "read and write nothing"),
    ("domain/x.py", "from adapters.process import Runner", "pure"),
    ("domain/x.py", "from projections import history", "pure"),
    ("domain/x.py", "from datetime import datetime\ndatetime.now()", "no clock"),
    ("domain/x.py", "from datetime import datetime as d\nclock = d.now", "no clock"),
    ("domain/x.py", "import datetime\ndatetime.date.today()", "no clock"),
    ("domain/ports.py", "from pathlib import Path\nPath.cwd()", "is a type"),
    ("domain/x.py", "from . import y", "absolute"),
    ("domain/x.py", "x = 1\n" * 401, "longer than"),
    ("projections/x.py", "from projections.history import words", "each other"),
    ("projections/x.py", "from projections import history", "each other"),
    ("projections/x.py", "from application import graphs", "pure folds"),
    ("projections/x.py", "import sqlite3", "pure folds"),
    ("application/x.py", "from adapters.process import Runner", "never through an adapter"),
    ("application/x.py", "import os", "never through an adapter"),
    ("application/x.py", "from os import remove", "never through an adapter"),
    ("application/x.py", "import cryptography", "may not import the package"),
    ("application/x.py", "import eventsourcing", "behind the event log"),
    ("application/x.py", "from concurrent.futures import ProcessPoolExecutor", "starts processes"),
    ("application/x.py", "import concurrent.futures\nconcurrent.futures.ProcessPoolExecutor()", "starts processes"),
    (STANDALONE, "from domain.ledger import merkle", "one file"),
    (STANDALONE, "import subprocess", "starts processes"),
    ("application/x.py", "print('x')", "prints"),
    ("application/x.py", "import sys\nsys.exit(1)", "exits"),
    ("application/x.py", "raise SystemExit(1)", "exits"),
    ("application/x.py", "def f():\n    from domain import errors", "inside a function"),
    ("adapters/x.py", "from application.host import Host", "never meet"),
    ("adapters/x.py", "from projections import history", "never meet"),
    ("adapters/x.py", "from cli import output", "never meet"),
    ("adapters/x.py", "import eventsourcing", "behind the event log"),
    ("adapters/x.py", "import click", "may not import the package"),
    ("adapters/x.py", "from rich.table import Table", "may not import the package"),
    ("adapters/x.py", "import subprocess", "starts processes"),
    ("adapters/x.py", "from subprocess import run", "starts processes"),
    ("adapters/x.py", "import multiprocessing", "starts processes"),
    ("adapters/x.py", "import asyncio", "starts processes"),
    ("adapters/x.py", "import pty", "starts processes"),
    ("adapters/x.py", "import os\nos.execv('a', [])", "starts processes"),
    ("adapters/x.py", "import os\nos.posix_spawn('a', [], {})", "starts processes"),
    ("adapters/x.py", "from os import fork\nfork()", "starts processes"),
    ("adapters/x.py", "import os\nos.system('ls')", "never a shell"),
    ("adapters/x.py", "import os as o\no.system('ls')", "never a shell"),
    ("adapters/x.py", "from os import system as run\nrun('ls')", "never a shell"),
    ("adapters/process.py", "run('ls', shell=True)", "never a shell"),
    ("adapters/x.py", "import ctypes", "hidden"),
    ("adapters/x.py", "import importlib\nimportlib.import_module('cli')", "hidden"),
    ("adapters/x.py", "from importlib import import_module", "hidden"),
    ("adapters/x.py", "__import__('subprocess')", "hidden"),
    ("adapters/x.py", "eval('1')", "hidden"),
    ("adapters/x.py", "import sys\nsys.stderr.write('x')", "prints"),
    ("adapters/x.py", "from sys import exit\nexit(1)", "exits"),
    ("adapters/process.py", "def f():\n    import json", "inside a function"),
    ("cli/x.py", "import cryptography", "may not import the package"),
    ("cli/x.py", "import subprocess", "starts processes"),
    ("storectl/x.py", "import domain", "only opens"),
]


@pytest.mark.parametrize(("file", "text", "words"), BROKEN)
def test_each_rule_notices_its_breach(file: str, text: str, words: str) -> None:
    found = [str(breach) for breach in breaches(file, text)]
    assert any(words in breach and breach.startswith(f"{file}:") for breach in found), found


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("domain/ports.py", "from pathlib import Path\ndef f(path: Path) -> Path: ..."),
        ("domain/x.py", "from datetime import UTC, datetime\ndatetime.fromtimestamp(0, UTC)"),
        ("domain/x.py", "x = 1\n" * 400),
        ("application/x.py", "from os import cpu_count\nfrom concurrent.futures import ThreadPoolExecutor"),
        ("application/x.py", "def f(host): host.store.open(); host.print()"),
        ("adapters/x.py", "def open(name): ...\nopen('a')"),
        ("adapters/x.py", "from pathlib import Path\nimport os\nos.open(Path('a'), os.O_RDONLY)"),
        ("adapters/process.py", "import subprocess\nsubprocess.Popen(['a'])"),
        ("cli/x.py", "def f():\n    from application import graphs\n    print(graphs)"),
    ],
)
def test_what_is_allowed_is_no_breach(file: str, text: str) -> None:
    assert [str(breach) for breach in breaches(file, text)] == []


@pytest.mark.parametrize("last", ["from domain import a", "try:\n    import domain.a\nexcept ImportError: pass"])
def test_a_cycle_is_noticed(last: str) -> None:
    files = {"domain/a.py": "from domain.b import x", "domain/b.py": "import domain.c", "domain/c.py": last}
    assert cycles(files) == ["domain.a → domain.b → domain.c → domain.a"]


def test_a_cycle_of_types_only_is_none() -> None:
    last = "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from domain import a"
    assert cycles({"domain/a.py": "from domain.b import x", "domain/b.py": last}) == []
