"""A C2SP witness for tests, written from the tlog-witness specification on http.server.

It shares no code with storectl: its Merkle check is RFC 6962's recursive definition, undone over the given hashes.
"""

import base64
import hashlib
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock, Thread
from types import TracebackType
from typing import Self

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


class LabWitness:
    """`url` is its submission prefix, `vkey` its verifier key; `logs` are the vkeys that it knows, by origin."""

    def __init__(self, name: str, logs: dict[str, list[str]]) -> None:
        self.name, self.logs = name, logs
        self.seen: dict[str, tuple[int, bytes]] = {}
        self.statuses: list[int] = []
        self.lock = Lock()
        self.key = Ed25519PrivateKey.generate()
        public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
        self.key_id = hashlib.sha256(f"{name}\n".encode() + b"\x04" + public).digest()[:4]
        encoded = base64.b64encode(b"\x04" + public).decode()
        self.vkey = f"{name}+{self.key_id.hex()}+{encoded}"
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(self))
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/w"

    def __enter__(self) -> Self:
        Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    def add_checkpoint(self, body: str) -> tuple[int, str, str]:
        """Status, content type, answer."""
        head, _, note = body.partition("\n\n")
        first, *lines = head.split("\n")
        text, _, signatures = note.rpartition("\n\n")
        origin, size_text, root_text = text.split("\n")
        old, size, root = int(first.removeprefix("old ")), int(size_text), base64.b64decode(root_text)
        if origin not in self.logs:
            return 404, "text/plain", ""
        if not any(_signed(vkey, text + "\n", signatures) for vkey in self.logs[origin]):
            return 403, "text/plain", ""
        if old > size:
            return 400, "text/plain", ""
        with self.lock:
            known, known_root = self.seen.get(origin, (0, b""))
            if old != known:
                return 409, "text/x.tlog.size", f"{known}\n"
            proof = [base64.b64decode(line, validate=True) for line in lines]
            if old == size and known_root != root:
                return 409, "text/x.tlog.size", f"{known}\n"
            if (old == 0 or old == size) and proof:
                return 422, "text/plain", ""
            if 0 < old < size and not _consistent(old, known_root, size, root, proof):
                return 422, "text/plain", ""
            self.seen[origin] = (size, root)
        now = int(time.time())
        signature = self.key.sign(f"cosignature/v1\ntime {now}\n{text}\n".encode())
        line = base64.b64encode(self.key_id + now.to_bytes(8, "big") + signature).decode()
        return 200, "text/plain", f"— {self.name} {line}\n"


def _signed(vkey: str, text: str, signatures: str) -> bool:
    name, identity, key = vkey.split("+", 2)
    public = Ed25519PublicKey.from_public_bytes(base64.b64decode(key)[1:])
    for line in signatures.splitlines():
        _, signer, encoded = line.split(" ")
        data = base64.b64decode(encoded)
        if signer == name and data[:4].hex() == identity:
            try:
                public.verify(data[4:], text.encode())
                return True
            except InvalidSignature:
                return False
    return False


def _consistent(old: int, old_root: bytes, size: int, root: bytes, proof: list[bytes]) -> bool:
    """RFC 6962, 2.1.2, undone: what the proof says the two roots are."""
    rest = list(proof)

    def roots(wanted: int, whole: int, complete: bool) -> tuple[bytes, bytes]:
        if wanted == whole:
            node = old_root if complete else rest.pop(0)
            return node, node
        split = 1 << ((whole - 1).bit_length() - 1)
        if wanted <= split:
            before, after = roots(wanted, split, complete)
            return before, _node(after, rest.pop(0))
        before, after = roots(wanted - split, whole - split, False)
        left = rest.pop(0)
        return _node(left, before), _node(left, after)

    try:
        return roots(old, size, True) == (old_root, root) and not rest
    except IndexError:
        return False


def _node(left: bytes, right: bytes) -> bytes:
    return hashlib.sha256(b"\x01" + left + right).digest()


def _handler(witness: LabWitness) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            right = self.path == "/w/add-checkpoint"
            status, kind, answer = witness.add_checkpoint(body) if right else (404, "text/plain", "")
            witness.statuses.append(status)
            data = answer.encode()
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 (http.server's name)
            """Nothing on the terminal."""

    return Handler
