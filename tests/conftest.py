"""What holds for every test: programs are there, CI skips nothing, properties are tried the same way each time."""

import os
import shutil
from collections.abc import Generator
from typing import Any

import pytest
from hypothesis import HealthCheck, settings

PROGRAMS = {
    "skopeo": "skopeo", "podman": "podman", "ostree": "ostree", "docker-registry": "docker-registry",
    "openssl": "openssl", "gpg": "gpg", "unshare": "util-linux", "setpriv": "util-linux",
    "strace": "strace", "mkfs.ext4": "e2fsprogs", "chattr": "e2fsprogs", "dot": "graphviz",
    "script": "bsdutils",
    "chromium": "chromium", "chromedriver": "chromium-driver",
}  # fmt: skip

settings.register_profile("ci", derandomize=True, deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("ci")


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", "soak: long and random; runs with 'make soak' only")


def pytest_sessionstart() -> None:
    missing = [f"{name} (package {package})" for name, package in PROGRAMS.items() if shutil.which(name) is None]
    if missing:
        pytest.exit(f"programs are missing: {', '.join(missing)}; 'make system' installs them", returncode=1)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if "soak" in str(config.option.markexpr):
        return
    left = [item for item in items if "soak" not in item.keywords]
    config.hook.pytest_deselected(items=[item for item in items if "soak" in item.keywords])
    items[:] = left


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, Any, None]:
    """In CI a test that is skipped has failed: what it would have shown was not seen."""
    report = (yield).get_result()
    if report.skipped and not hasattr(report, "wasxfail"):
        _fail_in_ci(item.nodeid, report)


@pytest.hookimpl(hookwrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, Any, None]:
    """A file that skips itself (`importorskip`, say) never gets as far as a test: it fails in CI here."""
    report = (yield).get_result()
    if report.skipped:
        _fail_in_ci(collector.nodeid, report)


def _fail_in_ci(nodeid: str, report: pytest.TestReport | pytest.CollectReport) -> None:
    if os.environ.get("CI", "").lower() in ("", "0", "false"):
        return
    report.outcome = "failed"
    report.longrepr = f"{nodeid} was skipped, which CI does not allow: {report.longrepr}"
