"""The rules of a test session in tests/conftest.py, seen on a session of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).resolve().parents[1] / "conftest.py"
SKIPPED = {
    "test": "import pytest\n@pytest.mark.skip(reason='x')\ndef test_it(): pass\n",
    "inside": "import pytest\ndef test_it(): pytest.skip('x')\n",
    "module": "import pytest\npytest.skip('x', allow_module_level=True)\n",
    "import": "import pytest\npytest.importorskip('no_such_module')\ndef test_it(): pass\n",
}
SOAK = "import pytest\n@pytest.mark.soak\ndef test_long(): pass\ndef test_short(): pass\n"


def session(place: Path, text: str, *words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    shutil.copy(CONFTEST, place)
    # A file that passes beside it: one that only skips ends with "no tests ran", which fails for another reason.
    (place / "test_beside.py").write_text("def test_beside(): pass\n")
    (place / "test_inner.py").write_text(text)
    (place / "pytest.ini").write_text("[pytest]\naddopts = --strict-markers\n")
    inherited = {name: value for name, value in os.environ.items() if name != "CI" and not name.startswith("PYTEST_")}
    argv = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *words]
    return subprocess.run(
        argv, cwd=place, env={**inherited, **environ}, capture_output=True, text=True, stdin=subprocess.DEVNULL,
        timeout=60, check=False,
    )  # fmt: skip


@pytest.mark.parametrize("how", SKIPPED)
def test_a_skipped_test_fails_in_ci_only(tmp_path: Path, how: str) -> None:
    in_ci = session(tmp_path, SKIPPED[how], CI="true")
    assert in_ci.returncode != 0
    assert "was skipped, which CI does not allow" in in_ci.stdout
    assert session(tmp_path, SKIPPED[how], CI="false").returncode == 0


def test_an_expected_failure_is_no_skip(tmp_path: Path) -> None:
    text = "import pytest\n@pytest.mark.xfail(strict=True)\ndef test_it(): assert False\n"
    assert session(tmp_path, text, CI="true").returncode == 0


def test_soak_runs_only_when_asked_for(tmp_path: Path) -> None:
    assert "2 passed, 1 deselected" in session(tmp_path, SOAK).stdout
    assert "1 passed, 2 deselected" in session(tmp_path, SOAK, "-m", "soak").stdout


def test_a_missing_program_is_named_before_any_test_runs(tmp_path: Path) -> None:
    ran = session(tmp_path, SOAK, PATH=str(tmp_path))
    assert ran.returncode == 1
    assert "skopeo (package skopeo)" in ran.stdout + ran.stderr
    assert "passed" not in ran.stdout
