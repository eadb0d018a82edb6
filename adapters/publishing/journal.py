"""A checkpoint as an entry of the systemd journal, in its native protocol (systemd.io, JOURNAL_NATIVE_PROTOCOL).

One datagram of `FIELD=value\\n`; a value with a newline in it: `FIELD\\n`, its length (8 bytes, little-endian), the
value, `\\n`.
"""

import socket
from dataclasses import dataclass
from pathlib import Path

from domain.errors import Failed
from domain.ledger.checkpoint import NoteSignature
from domain.publishing import ProofFrom

SOCKET = Path("/run/systemd/journal/socket")
MESSAGE_ID = "4c6f1f0d5b0c4f5f9d5c2f6f6a1b7e21"  # ours, for `journalctl MESSAGE_ID=`
_TIMEOUT_S = 10.0


@dataclass(frozen=True, slots=True)
class JournalDestination:
    """Implements `domain.publishing.Destination`."""

    socket: Path = SOCKET

    @property
    def name(self) -> str:
        return "journald:" if self.socket == SOCKET else f"journald:{self.socket}"

    @property
    def off_host(self) -> bool:
        """It lies on this host, until somebody forwards it."""
        return False

    def publish(self, proof_from: ProofFrom) -> tuple[NoteSignature, ...]:
        """Raises Failed where there is no journal."""
        made = proof_from(0)
        checkpoint = made.checkpoint
        fields = {
            "MESSAGE": f"checkpoint of {checkpoint.origin}: {checkpoint.size} events, {checkpoint.root_hash.hex()}",
            "MESSAGE_ID": MESSAGE_ID, "PRIORITY": "5", "SYSLOG_IDENTIFIER": "storectl",
            "STORECTL_ORIGIN": checkpoint.origin, "STORECTL_SIZE": str(checkpoint.size),
            "STORECTL_ROOT_HASH": checkpoint.root_hash.hex(), "STORECTL_CHECKPOINT": made.note,
        }  # fmt: skip
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as channel:
                channel.settimeout(_TIMEOUT_S)
                channel.sendto(encoded(fields), str(self.socket))
        except OSError as error:
            raise Failed(
                f"the journal cannot be reached at {self.socket}: {error.strerror or error}",
                hint="is this a system with systemd-journald? 'journald:PATH' names another socket",
            ) from error
        return ()


def encoded(fields: dict[str, str]) -> bytes:
    """The datagram."""
    parts = []
    for name, value in fields.items():
        data = value.encode("utf-8", "replace")
        if b"\n" in data:
            parts.append(name.encode() + b"\n" + len(data).to_bytes(8, "little") + data + b"\n")
        else:
            parts.append(name.encode() + b"=" + data + b"\n")
    return b"".join(parts)
