"""Signatures of many events checked side by side."""

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from os import cpu_count

from application.audit.verdict import MAX_FINDINGS, Finding
from domain.ledger.keys import Verify
from domain.ledger.record import pae

BATCH = 256  # signatures handed to a thread at a time

_Signed = tuple[int, bytes, bytes, bytes]
"""(position, public key, signature, body)."""


class SignatureChecks:
    """Signatures verified in threads (the check releases the GIL), with a bounded number of them waiting."""

    def __init__(self, verify: Verify) -> None:
        threads = cpu_count() or 1
        self._verify = verify
        self._pool = ThreadPoolExecutor(threads)
        self._running: deque[Future[list[Finding]]] = deque()
        self._most = 2 * threads
        self._batch: list[_Signed] = []
        self.checked = 0
        self.findings: list[Finding] = []

    def __enter__(self) -> "SignatureChecks":
        return self

    def __exit__(self, *_: object) -> None:
        self._pool.shutdown(cancel_futures=True)

    def add(self, position: int, public_key: bytes, signature: bytes, body: bytes) -> None:
        """Have one checked, now or soon."""
        self._batch.append((position, public_key, signature, body))
        self.checked += 1
        if len(self._batch) == BATCH:
            self._hand_over()

    def finish(self) -> None:
        """Wait for all of them; `findings` is complete then."""
        self._hand_over()
        while self._running:
            self._collect()

    def _hand_over(self) -> None:
        if len(self._running) == self._most:
            self._collect()
        self._running.append(self._pool.submit(self._check, self._batch))
        self._batch = []

    def _collect(self) -> None:
        self.findings += self._running.popleft().result()
        del self.findings[MAX_FINDINGS:]

    def _check(self, batch: list[_Signed]) -> list[Finding]:
        verify = self._verify
        return [
            Finding(position, "its signature does not hold")
            for position, public_key, signature, body in batch
            if not verify(public_key, signature, pae(body))
        ]
