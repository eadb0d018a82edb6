"""A real host for each test: a registry on loopback, an ostree repository, a sysroot, and the installed command."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot
from tests.lab.registry import Registry


@pytest.fixture(scope="session")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Registry]:
    with Registry(tmp_path_factory.mktemp("registry")) as running:
        yield running


@pytest.fixture
def host(registry: Registry, tmp_path: Path) -> Iterator[LabHost]:
    made = LabHost(registry, tmp_path)
    yield made
    made.unmount()
    remove_sysroot(made.sysroot)
