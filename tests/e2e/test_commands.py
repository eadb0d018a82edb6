"""The command line's own promises: help with an example, JSON everywhere, following, completion, quiet pipes."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from cli.main import COMMANDS
from tests.lab.host import STORECTL, LabHost
from tests.lab.os_trees import write_tree


def run(*words: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*STORECTL, *words], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)


@pytest.mark.parametrize("name", sorted(COMMANDS))
def test_every_command_has_help_with_an_example(name: str) -> None:
    shown = run(name, "--help")
    assert shown.returncode == 0
    assert "Example:" in shown.stdout
    example = shown.stdout.split("Example:")[1]
    assert "storectl" in example
    assert name in example


def test_a_wrong_command_line_is_exit_2_and_json_if_asked() -> None:
    for words in (["nope"], ["gc", "--nope"], ["gc", "x"], ["pin"], ["--color", "pink", "gc"]):
        ran = run("--json", *words)
        assert ran.returncode == 2, words
        assert json.loads(ran.stderr)["exit_code"] == 2
    assert run().returncode == 2


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion(shell: str) -> None:
    script = run("completion", shell)
    assert script.returncode == 0
    assert "_STORECTL_COMPLETE" in script.stdout
    if shell == "bash":
        subprocess.run(["bash", "-n"], input=script.stdout, text=True, check=True)


def test_bound_images_of_a_root_directory(tmp_path: Path) -> None:
    digest = "sha256:" + "0a" * 32
    write_tree(tmp_path, "1", {"a.container": "quay.io/o/a:1", "b.image": f"quay.io/o/b@{digest}"}, {})
    ran = run("--json", "bound-images", str(tmp_path))
    assert json.loads(ran.stdout) == [
        {"file": "a.container", "image": "quay.io/o/a:1", "digest": None},
        {"file": "b.image", "image": f"quay.io/o/b@{digest}", "digest": digest},
    ]
    (tmp_path / "usr/lib/bootc/bound-images.d/c.container").write_text("not a link")
    wrong = run("--json", "bound-images", str(tmp_path))
    assert wrong.returncode == 1
    assert "bound-images.d/c.container" in json.loads(wrong.stderr)["message"]
    assert json.loads(run("--json", "bound-images", "/usr/share/doc").stdout) == []
    assert run("bound-images", str(tmp_path / "nowhere")).returncode == 1


def test_follow_shows_what_another_process_appends(host: LabHost) -> None:
    host.init()
    host.push("app")
    argv = [*STORECTL, "--sysroot", str(host.sysroot), "--json", "history", "--follow", "--type", "ImagePulled"]
    with subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as follower:
        host.ok("pull", host.name("app"), "--no-tls-verify")
        assert follower.stdout
        event = json.loads(follower.stdout.readline())
        follower.terminate()
    assert event["type"] == "ImagePulled"


def test_json_on_every_reading_command_and_options_behind_its_name(host: LabHost) -> None:
    host.init()
    lines = "status,deployments,images,layers,pins,consumer list,keys list,keys show,checkpoint,verify,graph,show 1"
    for words in map(str.split, [*lines.split(","), "gc --dry-run"]):
        before = host.json(*words)
        assert host.ok(*words, "--json").json == before or words[0] == "gc"
    assert host.ok("history", "--json").lines == host.history()
    assert host.ok("images").out == ""


def test_colour_only_where_it_is_asked_for(host: LabHost) -> None:
    assert "\x1b" not in host.run("status").err
    assert "\x1b" in host.run("--color", "always", "status").err
    assert "\x1b" not in host.run("--color", "never", "status").err


def test_a_reader_that_leaves_is_no_error(host: LabHost) -> None:
    host.init()
    line = f"{sys.executable} -m storectl --sysroot {host.sysroot} history | true; echo ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", line], capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr) == ("141\n", "")


def test_environment_variables_stand_for_options(host: LabHost) -> None:
    host.init()
    words = [*STORECTL, "status"]
    environment = {"STORECTL_SYSROOT": str(host.sysroot), "STORECTL_JSON": "1", "PATH": "/usr/bin:/usr/sbin:/bin"}
    ran = subprocess.run(words, env=environment, capture_output=True, text=True, check=True)
    assert json.loads(ran.stdout)["sysroot"] == str(host.sysroot)


def test_keys_encrypted_at_rest(host: LabHost, tmp_path: Path) -> None:
    secret = tmp_path / 'pass\nphrase "1\\'
    secret.write_text("correct horse\n")
    host.ok("init", "--stateroot", "demo", "--key-passphrase-file", secret)
    for key in (host.sysroot / "ostree/storectl/keys").iterdir():
        assert "BEGIN PRIVATE KEY" not in key.read_text()
    host.ok("gc")
    host.ok("verify")
    secret.write_text("wrong\n")
    ran = host.run("--json", "gc")
    assert ran.code == 7
    assert "horse" not in ran.err
