"""Private keys in memory."""

from dataclasses import dataclass, field

from domain.errors import KeyUnusable
from domain.ledger.key_changes import Role


@dataclass
class FakeKeyring:
    """Implements `domain.ports.Keyring`; a signature is the key and the beginning of what it signs."""

    current: dict[Role, bytes] = field(default_factory=lambda: {"log": b"L" * 32, "event": b"E" * 32})
    next: dict[Role, bytes] = field(default_factory=dict)
    made: int = 0

    def stage(self, role: Role) -> bytes:
        self.made += 1
        self.next[role] = self.made.to_bytes(32, "big")
        return self.next[role]

    def staged(self, role: Role) -> bytes | None:
        return self.next.get(role)

    def sign(self, public_key: bytes, data: bytes) -> bytes:
        if public_key not in (*self.current.values(), *self.next.values()):
            raise KeyUnusable("not at hand")
        return public_key + data[:32].ljust(32, b".")

    def promote(self, role: Role) -> None:
        if role in self.next:
            self.current[role] = self.next.pop(role)

    def discard(self, role: Role) -> None:
        self.next.pop(role, None)
