"""Where commits and images come from: over HTTP, out of a registry that asks for a password, under a policy."""

import base64
import functools
import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

from tests.lab.host import STORECTL, LabHost
from tests.lab.images import push_image
from tests.lab.registry import PASSWORD, USER, Registry


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (its name there)
        """Nothing: pytest's output is not its log."""


@contextmanager
def served(directory: Path) -> Iterator[str]:
    """The directory over HTTP, as `python3 -m http.server` does it; its URL."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), functools.partial(_Quiet, directory=str(directory)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()


def test_a_commit_over_http_with_kernel_arguments_into_a_stateroot_of_its_own(host: LabHost) -> None:
    host.init()
    host.ok("init", "--stateroot", "other")
    host.push("app")
    commit = host.commit("1", {"app.container": host.name("app")})
    kargs = ("--karg", "console=tty0", "--karg", "console=ttyS0", "--karg", "q")
    words = ("--no-tls-verify", "--stateroot", "other", *kargs)
    with served(host.repo) as url:
        assert host.run("--json", "deploy", "os/nope", "--from", url, *words).code == 1
        row = host.json("deploy", "os/stable", "--from", url, *words)
    assert (row["commit"], row["stateroot"]) == (commit, "other")
    assert [word for word in row["kargs"] if word != "q"] == ["console=tty0", "console=ttyS0"]
    entry = next((host.sysroot / "boot/loader/entries").iterdir()).read_text()
    assert " ".join(row["kargs"]) in entry, "ostree's own boot entry"
    assert host.ostree_order() == [row["id"]]
    remotes = host.ostree("remote", "list", f"--repo={host.sysroot}/ostree/repo")
    assert remotes == "", "what fetching needed is gone again"
    # Read from the commit: nothing was checked out for a deployment that was refused.
    host.commit("2", {"app.container": host.name("nothing")})
    assert host.run("deploy", "os/stable", "--from", host.repo, "--no-tls-verify").code == 1
    assert host.ostree_order() == [row["id"]]
    assert len(list((host.sysroot / "ostree/deploy/other/deploy").glob("*.0"))) == 1


def test_a_registry_that_asks_for_a_password(host: LabHost, tmp_path: Path) -> None:
    host.init()
    auth = tmp_path / "auth.json"
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    with Registry(tmp_path / "locked", locked=True) as locked:
        auth.write_text(json.dumps({"auths": {locked.host: {"auth": secret}}}))
        pushed = push_image(locked, "secret/app", "1", [{"a": b"a"}], authfile=auth)
        host.commit("1", {"app.container": pushed.reference})
        words = ("deploy", "os/stable", "--from", host.repo, "--no-tls-verify")
        ran = host.run("--json", *words)
        assert ran.code == 1
        assert pushed.reference in ran.error["message"]
        assert "--authfile" in ran.error["hint"]
        assert host.ostree_order() == []
        host.ok(*words, "--authfile", auth)
        wrong = tmp_path / "wrong.json"
        wrong.write_text(json.dumps({"auths": {locked.host: {"auth": base64.b64encode(b"lab:wrong").decode()}}}))
        assert host.run("pull", pushed.reference, "--no-tls-verify", "--authfile", wrong).code == 1
    assert host.image_ids() == {pushed.image_id}
    written = b"".join(path.read_bytes() for path in (host.sysroot / "ostree/storectl").rglob("*") if path.is_file())
    assert secret.encode() not in written, "the log names the file and never what is in it"
    assert str(auth).encode() in written


def test_a_policy_that_rejects_everything_and_one_for_this_registry(host: LabHost, tmp_path: Path) -> None:
    host.init()
    host.push("app")
    reject, accept = tmp_path / "reject.json", tmp_path / "accept.json"
    reject.write_text('{"default": [{"type": "reject"}]}')
    scope = {host.registry.host: [{"type": "insecureAcceptAnything"}]}
    accept.write_text(json.dumps({"default": [{"type": "reject"}], "transports": {"docker": scope}}))
    words = ("pull", host.name("app"), "--no-tls-verify", "--policy")
    ran = host.run("--json", *words, reject)
    assert ran.code == 1
    assert "reject" in ran.error["message"]
    assert host.image_ids() == set()
    host.ok(*words, accept)


def test_completion_completes_in_a_real_bash(tmp_path: Path) -> None:
    command = tmp_path / "storectl"
    command.write_text(f'#!/bin/sh\nexec {STORECTL[0]} -m storectl "$@"\n')
    command.chmod(0o755)
    script = f"""
        PATH={tmp_path}:$PATH; source <(storectl completion bash)
        complete -p storectl
        ask() {{ COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); COMPREPLY=(); _storectl_completion storectl; }}
        ask storectl roll; echo "${{COMPREPLY[*]}}"
        ask storectl gc --d; echo "${{COMPREPLY[*]}}"
        ask storectl consumer re; echo "${{COMPREPLY[*]}}"
        ask storectl graph --format m; echo "${{COMPREPLY[*]}}"
    """
    ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=True, stdin=subprocess.DEVNULL)
    assert ran.stdout.splitlines()[1:] == ["rollback", "--dry-run", "remove", "mermaid"]
