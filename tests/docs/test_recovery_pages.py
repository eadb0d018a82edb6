"""The pages on backups and on a lost machine, carried out as they stand."""

import shutil
from pathlib import Path

from tests.docs.runbook import Runbook
from tests.lab.host import LabHost
from tests.lab.os_trees import remove_sysroot


def deployed(host: LabHost, *versions: str) -> None:
    host.init()
    for version in versions:
        host.push("app", content=version)
        host.commit(version, {"app.container": host.name("app")})
        host.deploy()


def test_back_up_and_a_lost_machine(host: LabHost, tmp_path: Path) -> None:
    deployed(host, "1", "2")
    mnt = tmp_path / "mnt"
    mnt.mkdir()
    places = {"/mnt/": f"{mnt}/", "mirror.example.com": host.registry.host}
    page = Runbook.of("back-up", host, places)
    said = {each.command.text.strip(): each.out for each in page.run("What to keep, and where", "Be sure")}
    assert "2 deployments and 2 images came back" in said["storectl drill --from /mnt/backup"]
    assert "everything came back" in said["storectl status"]
    host.commit("3", {"app.container": host.name("app")})
    host.deploy()
    host.ok("backup", "--content", mnt / "backup")
    page.run("Make room")
    assert [path.name for path in (mnt / "backup/generations").iterdir()] == ["000002"]

    before = (sorted(host.image_ids()), host.ostree_order())
    shutil.copytree(host.sysroot / "ostree/storectl", mnt / "rescued")
    shutil.rmtree(Path("/run/storectl") / host.json("status")["store"], ignore_errors=True)
    remove_sysroot(host.sysroot)
    steps = Runbook.of("lost-machine", host, places).run()
    assert (sorted(host.image_ids()), host.ostree_order()) == before
    answers = [each.out for each in steps if " replay " in each.command.text and "dry" not in each.command.text]
    assert len(answers) == 4
    assert all("the same" in answer for answer in answers)
    assert "/2\n" in answers[0]
    assert "/2\n" not in answers[2], "the old log goes on"
    assert [path.name for path in (host.sysroot / "ostree/storectl/past").iterdir()]
    for name in ("other", "third"):
        remove_sysroot(mnt / name)
