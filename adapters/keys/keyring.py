"""The store's private keys as files: `log.key` and `event.key`, and beside one that is about to change `….key.next`.

Which of the two is in force the log says. A crash leaves both; `settle` puts the one in force in its place and drops
the other. The old key's file is overwritten by the rename: what was signed with it is verified with its public half.
"""

import os
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from adapters.keys.key_files import KeySigner, create_key, load_key
from domain.errors import Failed, KeyUnusable, StoreError
from domain.ledger.key_changes import ROLES, Role
from domain.ledger.key_schedule import KeySchedule


@dataclass
class KeyFiles:
    """Implements `domain.ports.Keyring`. With a passphrase new keys are encrypted, and old ones may be.

    The first of `passphrases` encrypts; each is tried to open: while a passphrase is changed, both kinds are there.
    """

    directory: Path
    passphrases: Sequence[bytes] = ()
    _loaded: dict[Path, KeySigner] = field(default_factory=dict, repr=False)

    def settle(self, schedule: KeySchedule) -> None:
        """What a crash left of a change of keys: finished where the log says so. Raises KeyUnusable, Failed.

        Keys that are staged and not in force stay: an open operation may name them, and staging anew replaces them.
        """
        for role in ROLES:
            if self._next(role).exists() and self._load(self._next(role)).public_key == schedule.current(role):
                self.promote(role)

    def signer(self, role: Role, schedule: KeySchedule) -> KeySigner:
        """The key in force. Raises KeyUnusable where it is missing, does not open, or is another one."""
        found = self._load(self._path(role))
        if found.public_key != schedule.current(role):
            raise KeyUnusable(
                f"the {role} key {self._path(role)} is not this store's: the log says that another one is in force",
                hint="restore the keys that belong to this store, or replace them: 'storectl keys enrol'",
            )
        return found

    def public(self, role: Role) -> bytes:
        """The public half of the key in the role's file. Raises KeyUnusable."""
        return self._load(self._path(role)).public_key

    def lost(self, role: Role, schedule: KeySchedule) -> bool:
        """Whether the key in force is not here: no file, or another key's. One that does not open is not lost.

        Raises KeyUnusable.
        """
        paths = [path for path in (self._path(role), self._next(role)) if path.exists()]
        return all(self._load(path).public_key != schedule.current(role) for path in paths)

    def find(self, public_key: bytes) -> KeySigner | None:
        """The private half of a key in force or staged, as far as it is here."""
        for role in ROLES:
            for path in (self._next(role), self._path(role)):
                try:
                    found = self._load(path)
                except StoreError:
                    continue
                if found.public_key == public_key:
                    return found
        return None

    def stage(self, role: Role) -> bytes:
        path = self._next(role)
        self._loaded.pop(path, None)
        try:
            path.unlink(missing_ok=True)
        except OSError as error:
            raise Failed(f"cannot remove {path}: {error.strerror}") from error
        self._loaded[path] = made = create_key(path, self.passphrases[0] if self.passphrases else None)
        return made.public_key

    def staged(self, role: Role) -> bytes | None:
        path = self._next(role)
        return self._load(path).public_key if path.exists() else None

    def sign(self, public_key: bytes, data: bytes) -> bytes:
        found = self.find(public_key)
        if found is None:
            raise KeyUnusable(f"the private half of {public_key.hex()[:12]}… is not at hand")
        return found.sign(data)

    def promote(self, role: Role) -> None:
        staged, path = self._next(role), self._path(role)
        if not staged.exists():
            return
        try:
            staged.rename(path)
            self._sync()
        except OSError as error:
            raise Failed(f"cannot put {path} in its place: {error.strerror}") from error
        self._loaded.pop(path, None)
        if staged in self._loaded:
            self._loaded[path] = self._loaded.pop(staged)

    def discard(self, role: Role) -> None:
        path = self._next(role)
        try:
            path.unlink(missing_ok=True)
            self._sync()
        except OSError as error:
            raise Failed(f"cannot remove {path}: {error.strerror}") from error
        self._loaded.pop(path, None)

    def _load(self, path: Path) -> KeySigner:
        if path not in self._loaded:
            self._loaded[path] = self._opened(path)
        return self._loaded[path]

    def _opened(self, path: Path) -> KeySigner:
        *others, last = self.passphrases or (None,)
        for passphrase in others:
            with suppress(KeyUnusable):
                return load_key(path, passphrase)
        return load_key(path, last)

    def _path(self, role: Role) -> Path:
        return self.directory / f"{role}.key"

    def _next(self, role: Role) -> Path:
        return self.directory / f"{role}.key.next"

    def _sync(self) -> None:
        descriptor = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
