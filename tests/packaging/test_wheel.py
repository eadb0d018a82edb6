"""The wheel carries the application under one name, and runs from where it is installed."""

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("wheel")
    argv = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(out)]
    subprocess.run(argv, cwd=ROOT, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    (found,) = out.glob("*.whl")
    return found


def test_its_only_top_level_is_storectl(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert {name.partition("/")[0] for name in names if ".dist-info/" not in name} == {"storectl"}
    assert {"storectl/__main__.py", "storectl/domain/errors.py", "storectl/cli/main.py"} <= set(names)
    assert not [name for name in names if "test" in name.rpartition("/")[0]]


def test_it_runs_from_where_it_is_installed(wheel: Path, tmp_path: Path) -> None:
    target = tmp_path / "site"
    pip = [
        sys.executable,
        "-m",
        "pip",
        "install",
        "--quiet",
        "--no-deps",
        "--no-index",
        "--target",
        str(target),
        str(wheel),
    ]
    subprocess.run(pip, check=True, capture_output=True, stdin=subprocess.DEVNULL)
    for words in (["--version"], ["--help"], ["bound-images", "--help"]):
        argv = [str(target / "bin/storectl"), *words]
        ran = subprocess.run(
            argv, cwd=tmp_path, env={"PYTHONPATH": str(target), "PATH": "/usr/bin:/bin"}, check=True,
            capture_output=True, text=True, stdin=subprocess.DEVNULL,
        )  # fmt: skip
        assert "storectl" in ran.stdout
