"""A real registry on loopback, for as long as a test takes."""

import shutil
import socket
import subprocess
import time
import urllib.error
import urllib.request
from pathlib import Path
from types import TracebackType
from typing import Self

_CONFIG = """\
version: 0.1
log: {{level: info, formatter: json, accesslog: {{disabled: false}}}}
storage: {{filesystem: {{rootdirectory: {data}}}, delete: {{enabled: true}}, cache: {{blobdescriptor: inmemory}}}}
http: {{addr: "{host}"}}
"""
_LOCKED = "auth: {{htpasswd: {{realm: lab, path: {path}}}}}\n"
USER, PASSWORD = "lab", "secret"
_BCRYPT = "$2y$05$abcdefghijklmnopqrstuuOQiyCxlgf/oeuTqixKmWdcYUh4Hjl0a"


class Registry:
    """Debian's docker-registry; `host` is `127.0.0.1:PORT`, `log` what it wrote, one request a line.

    A `locked` one asks for USER and PASSWORD.
    """

    def __init__(self, directory: Path, *, locked: bool = False) -> None:
        self.directory, self.locked = directory, locked
        self.log = directory / "registry.log"
        self.data = directory / "registry"
        self.host = ""
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> Self:
        self.directory.mkdir(parents=True, exist_ok=True)
        self.host = f"127.0.0.1:{free_port()}"
        self.start()
        return self

    def start(self) -> None:
        """Start, or start again on the same port."""
        config = self.directory / "registry.yml"
        text = _CONFIG.format(data=self.data, host=self.host)
        if self.locked:
            passwords = self.directory / "htpasswd"
            passwords.write_text(f"{USER}:{_BCRYPT}\n")
            text += _LOCKED.format(path=passwords)
        config.write_text(text)
        program = shutil.which("docker-registry")
        assert program, "docker-registry is not installed"
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [program, "serve", str(config)],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        for _ in range(200):
            try:
                urllib.request.urlopen(f"http://{self.host}/v2/", timeout=1).close()
            except urllib.error.HTTPError as error:
                error.close()
                return  # it answers, though not to everybody
            except OSError:
                pass
            else:
                return
            time.sleep(0.02)
        raise AssertionError(f"the registry did not start: {self.log.read_text()}")

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def blob_requests(self) -> list[str]:
        """The digest of each blob that was fetched, once for each time."""
        found = []
        for line in self.log.read_text().splitlines():
            if '"GET /v2/' in line and "/blobs/sha256:" in line:
                found.append("sha256:" + line.split("/blobs/sha256:")[1][:64])
        return found


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
