"""A proxy in front of a registry on loopback that answers each request later: a network with a round-trip time."""

import http.client
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self

_HOP_BY_HOP = {"connection", "keep-alive", "transfer-encoding", "te", "upgrade"}


class SlowProxy:
    """`host` is `127.0.0.1:PORT`; `blobs` has the digest of each blob that was asked for, once for each time."""

    def __init__(self, upstream: str, delay_s: float) -> None:
        self.blobs: list[str] = []
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler(upstream, delay_s))
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def _handler(self, upstream: str, delay_s: float) -> type[BaseHTTPRequestHandler]:
        blobs = self.blobs

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _forward(self) -> None:
                time.sleep(delay_s)
                if self.command == "GET" and "/blobs/" in self.path:
                    blobs.append(self.path.rpartition("/")[2])
                connection = http.client.HTTPConnection(upstream, timeout=60)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():  # Accept comes several times
                    if name.lower() not in _HOP_BY_HOP:
                        connection.putheader(name, value)
                connection.endheaders()
                answer = connection.getresponse()
                self.send_response_only(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in _HOP_BY_HOP:
                        self.send_header(name, value)
                self.end_headers()
                while chunk := answer.read(256 * 1024):
                    self.wfile.write(chunk)
                connection.close()

            do_GET = do_HEAD = _forward  # noqa: N815 (the server's names)

            def log_message(self, *_: object) -> None:
                pass

        return Handler
