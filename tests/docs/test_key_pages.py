"""The how-to pages about keys, carried out one after another on one host."""

from pathlib import Path

from tests.docs.runbook import Runbook
from tests.lab.host import LabHost


def test_the_pages_about_keys_come_out_as_they_say(host: LabHost) -> None:
    safe, etc = host.directory / "safe", host.directory / "etc"
    safe.mkdir()
    etc.mkdir()
    (etc / "storectl.passphrase").write_text("correct horse\n")
    replace = {"/mnt/safe": str(safe), "/etc/storectl": str(etc / "storectl")}

    def carry_out(page: str, *headings: str) -> str:
        return "".join(each.out for each in Runbook.of(page, host, replace).run(*headings))

    assert "root" in carry_out("root-key")
    assert "verified" in carry_out("rotate-keys")
    assert "replaced" in carry_out("lost-key")
    assert "not attributable" in carry_out("revoke-a-key")


def test_the_page_about_encrypted_keys_comes_out_as_it_says(host: LabHost) -> None:
    etc = host.directory
    (etc / "storectl.passphrase").write_text("correct horse\n")
    Runbook.of("encrypt-keys", host, {"/etc/storectl": f"{etc}/storectl"}).run()
    assert Path(etc / "storectl.passphrase").read_text() == "battery staple\n"
    assert "ENCRYPTED" in (host.sysroot / "ostree/storectl/keys/log.key").read_text()
    assert host.json("verify")["verdict"] == "verified"
