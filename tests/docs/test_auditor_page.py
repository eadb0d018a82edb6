"""The auditor's page, carried out as it stands."""

import shutil
from pathlib import Path

from tests.docs.runbook import Runbook
from tests.lab.host import LabHost


def test_give_an_auditor_a_bundle(host: LabHost, tmp_path: Path) -> None:
    host.init()
    year = host.history()[0]["time"][:4]
    replace = {
        "/tmp/audit-": f"{tmp_path}/audit-", "2026-11-01": f"{year}-01-01", "2026-11-30": f"{year}-12-31",
        "python3 ": f"{shutil.which('python3', path=str(Path('.venv/bin').absolute()))} ",
    }  # fmt: skip
    said = {
        each.command.text.strip().split("   #")[0]: each.out
        for each in Runbook.of("give-an-auditor-a-bundle", host, replace).run()
    }
    assert said['storectl audit verify /tmp/audit-november.bundle --key "$VKEY"'].startswith("verified")
    assert "inclusion, not completeness" in said['python3 /tmp/audit-verify.py /tmp/audit-pruned.bundle --key "$VKEY"']
    assert "Verified Successfully" in next(out for words, out in said.items() if words.startswith("openssl"))
