"""storectl run in a fork of the test's own process: the same code as the installed command, without its start."""

import importlib
import json
import os
import pkgutil
import sys
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import NoReturn

import adapters
import application
import cli
from cli.main import main
from tests.lab.host import LabHost, Ran

# Imported here once, and not in each fork again.
for _package in (cli, application, adapters):
    for _module in pkgutil.walk_packages(_package.__path__, f"{_package.__name__}."):
        if _module.name != "adapters.ostree.libostree_order":
            importlib.import_module(_module.name)


def forked(host: LabHost, *words: str | Path, environment: Mapping[str, str] | None = None) -> Ran:
    """Run storectl with these words; a code below 0 is the signal that ended it."""
    out, err = host.directory / "forked.out", host.directory / "forked.err"
    pid = os.fork()
    if not pid:
        _child([str(word) for word in ("--sysroot", host.sysroot, *words)], out, err, environment or {})
    _, status = os.waitpid(pid, 0)
    ran = Ran(os.waitstatus_to_exitcode(status), out.read_text(), err.read_text())
    assert "Traceback" not in ran.err, ran.err
    return ran


def answer(host: LabHost, *words: str | Path) -> object:
    """Its JSON answer; it has to succeed."""
    ran = forked(host, "--json", *words)
    assert ran.code == 0, f"{words}: exit {ran.code}\n{ran.out}\n{ran.err}"
    return json.loads(ran.out)


def _child(arguments: list[str], out: Path, err: Path, environment: Mapping[str, str]) -> NoReturn:
    code = 70
    try:
        for name in [name for name in os.environ if name.startswith("STORECTL_")]:
            del os.environ[name]
        os.environ.update(environment)
        for number, file in ((0, Path(os.devnull)), (1, out), (2, err)):
            mode = os.O_RDONLY if number == 0 else os.O_WRONLY | os.O_CREAT | os.O_TRUNC
            os.dup2(os.open(file, mode, 0o600), number)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        main(arguments)
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0
    except BaseException:  # noqa: BLE001 (nothing of the child may run on in the test)
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
