"""A C2SP witness over HTTP (tlog-witness): it cosigns what extends the checkpoint that it saw last."""

import http.client
from dataclasses import dataclass
from urllib.parse import urlsplit

from domain.errors import BadInput, Failed, Tampered
from domain.ledger.checkpoint import NoteSignature, parse_note
from domain.publishing import ProofFrom

_TIMEOUT_S = 30.0
_MAX_ANSWER = 1 << 20  # bytes
_TRIES = 3  # somebody else may submit the same log in between


@dataclass(frozen=True, slots=True)
class WitnessDestination:
    """Implements `domain.publishing.Destination`. `url` is the witness's submission prefix."""

    url: str

    @property
    def name(self) -> str:
        return self.url

    @property
    def off_host(self) -> bool:
        return True

    def publish(self, proof_from: ProofFrom) -> tuple[NoteSignature, ...]:
        old_size = 0
        for _ in range(_TRIES):
            made = proof_from(old_size)
            status, answer = self._post(str(made).encode())
            if status == 200:
                return self._cosignatures(made.note, answer)
            if status != 409:
                raise self._refused(status, answer)
            old_size = self._size(answer)
            head = made.checkpoint.size
            if old_size > head or old_size == made.old_size:
                seen = f"{old_size} events" if old_size > head else f"another history of {old_size} events"
                raise Tampered(f"the witness {self.url} has seen {seen}, and the log has {head}", hint=_VERIFY)
        raise Failed(f"the witness {self.url} saw another checkpoint each time", hint="try again")

    def _post(self, body: bytes) -> tuple[int, bytes]:
        parts = urlsplit(self.url)
        kind = http.client.HTTPSConnection if parts.scheme == "https" else http.client.HTTPConnection
        try:
            connection = kind(parts.hostname or "", parts.port, timeout=_TIMEOUT_S)
            try:
                connection.request("POST", f"{parts.path.rstrip('/')}/add-checkpoint", body)
                answer = connection.getresponse()
                return answer.status, answer.read(_MAX_ANSWER)
            finally:
                connection.close()
        except (OSError, http.client.HTTPException, ValueError) as error:
            raise Failed(f"the witness {self.url} cannot be reached: {error}") from error

    def _cosignatures(self, note: str, answer: bytes) -> tuple[NoteSignature, ...]:
        """The lines that the answer adds to the note."""
        try:
            lines = parse_note(f"{note}{answer.decode('utf-8')}").signatures
        except (BadInput, UnicodeDecodeError) as error:
            raise Failed(f"the witness {self.url} answered with something else than cosignatures") from error
        return lines[len(parse_note(note).signatures) :]

    def _size(self, answer: bytes) -> int:
        text = answer.decode("ascii", "replace").strip()
        if not text.isdecimal() or len(text) > 19:
            raise Failed(f"the witness {self.url} refused (409), and did not say which size it knows")
        return int(text)

    def _refused(self, status: int, answer: bytes) -> Failed | Tampered:
        if status == 422:
            return Tampered(f"the log does not continue what the witness {self.url} has seen", hint=_VERIFY)
        reasons = {403: "it does not trust this log's key", 404: "it does not know this log"}
        said = reasons.get(status) or ascii(answer[:200].decode("utf-8", "replace"))
        return Failed(
            f"the witness {self.url} refused ({status}): {said}", hint="ask who runs it to add the log's vkey"
        )


_VERIFY = "events were lost or replaced: 'storectl verify' tells what the log itself shows"
