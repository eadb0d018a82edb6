"""A registry that misbehaves: a proxy before a real one, which stalls, cuts off or falsifies the layers it serves."""

import http.client
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Literal, Self

from tests.lab.registry import Registry

Manner = Literal["", "stall", "cut", "lie", "lie about manifests"]


class UnrulyRegistry:
    """`manner` may be changed at any time; `misbehaved` is set when it first showed. `host`: `127.0.0.1:PORT`."""

    def __init__(self, behind: Registry) -> None:
        self.behind = behind
        self.manner: Manner = ""
        self.misbehaved, self.done = threading.Event(), threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._server.daemon_threads = True
        self.host = f"127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> Self:
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done.set()
        self._server.shutdown()
        self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        registry = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                connection = http.client.HTTPConnection(registry.behind.host)
                connection.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
                for name, value in self.headers.items():
                    connection.putheader(name, value)
                connection.endheaders()
                answer = connection.getresponse()
                body = answer.read()
                self.send_response(answer.status)
                for name, value in answer.getheaders():
                    if name.lower() not in ("connection", "transfer-encoding", "date", "server"):
                        self.send_header(name, value)
                self.end_headers()
                if self.command != "HEAD":
                    registry.serve(self, body, self.path)

            do_HEAD = do_GET  # noqa: N815 (the library's name)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (the library's name)
                pass

        return Handler

    def serve(self, handler: BaseHTTPRequestHandler, body: bytes, path: str) -> None:
        """The body as the manner has it; configs are JSON, and pass."""
        layer = "/blobs/" in path and not body.startswith(b"{")
        half = body[: len(body) // 2]
        if self.manner == "stall" and layer:
            self.misbehaved.set()
            handler.wfile.write(half)
            handler.wfile.flush()
            self.done.wait(60)
        elif self.manner == "cut" and layer:
            self.misbehaved.set()
            handler.wfile.write(half)
            handler.wfile.flush()
            handler.close_connection = True
            handler.connection.close()
        elif self.manner == "lie" and layer:
            self.misbehaved.set()
            handler.wfile.write(half + bytes(byte ^ 1 for byte in body[len(half) :]))
        elif self.manner == "lie about manifests" and "/manifests/sha256:" in path:
            # A lie about what a tag means cannot be told from the truth; one about a digest can.
            self.misbehaved.set()
            handler.wfile.write(body.replace(b'"size"', b'"Size"'))
        else:
            handler.wfile.write(body)
