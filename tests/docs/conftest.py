"""The lab for the pages that are carried out: as for the e2e tests."""

from tests.e2e.conftest import host, registry

__all__ = ["host", "registry"]
