"""A store of podman's own that uses the owned one as an additional image store."""

import subprocess

from tests.lab.host import LabHost


class Consumer:
    """`path` is its graph root."""

    def __init__(self, host: LabHost, name: str = "B") -> None:
        self.host, self.path = host, host.directory / name
        self.path.mkdir(mode=0o700)

    def podman(self, *words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        argv = ["unshare", "--mount", "--propagation", "private", *self.command(), *words]
        done = subprocess.run(argv, capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
        assert not check or done.returncode == 0, done.stderr
        return done

    def command(self) -> list[str]:
        """podman on this store."""
        runroot = f"/run/storectl-lab/{self.host.prefix}-{self.path.name}"
        option = f"additionalimagestore={self.host.store}"
        return ["podman", "--root", str(self.path), "--runroot", runroot, "--storage-driver", "overlay",
                "--storage-opt", option]  # fmt: skip

    def pull(self, reference: str) -> str:
        return self.podman("pull", "--quiet", "--tls-verify=false", reference).stdout.strip()

    def create(self, image: str, name: str) -> str:
        return self.podman("create", "--name", name, image, "/bin/true").stdout.strip()

    def content(self, container: str, path: str) -> bytes:
        """What a container would read at a path: mounted and read in one mount namespace."""
        base = " ".join(self.command())
        script = f"m=$({base} mount {container}) && cat $m/{path} && {base} umount {container} >/dev/null"
        done = subprocess.run(
            ["unshare", "--mount", "--propagation", "private", "sh", "-c", script], capture_output=True,
            stdin=subprocess.DEVNULL, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        return done.stdout
