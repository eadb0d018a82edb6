"""The store's private keys on disk: one Ed25519 key per file.

Without a passphrase a file is PKCS #8 in PEM, which openssl reads. With one it is an envelope of our own, because
PKCS #8 as the cryptography package writes it stretches a passphrase with only 2,048 rounds of PBKDF2:

    -----BEGIN STORECTL ENCRYPTED KEY-----
    base64(0x01 ‖ log2(n) ‖ r ‖ p ‖ salt (16) ‖ nonce (12) ‖ ChaCha20-Poly1305(scrypt(passphrase), key (32)) (48))
    -----END STORECTL ENCRYPTED KEY-----

Everything before the ciphertext is authenticated along with it.
"""

import base64
import binascii
import os
import re
import stat
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from cryptography.exceptions import InvalidTag, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

from domain.errors import Failed, KeyUnusable

_BEGIN, _END = "-----BEGIN STORECTL ENCRYPTED KEY-----", "-----END STORECTL ENCRYPTED KEY-----"
_ENVELOPE = re.compile(rf"{_BEGIN}\n((?:[A-Za-z0-9+/=]{{1,76}}\n)+){_END}\n")
_VERSION = 1
_SCRYPT = (17, 8, 1)  # log2(n), r, p: 128 MiB and about 0.3 s
_LOG2_N = range(14, 19)  # what is read: 2**18 takes 256 MiB; a hostile file cannot ask for more
_P = range(1, 5)
_HEADER_BYTES = 4 + 16 + 12
_ENVELOPE_BYTES = _HEADER_BYTES + 32 + 16
_MAX_FILE = 16 * 1024  # bytes


@dataclass(frozen=True, slots=True)
class KeySigner:
    """An Ed25519 private key in memory (domain.ledger.keys.Signer). Signing releases the GIL."""

    _key: Ed25519PrivateKey = field(repr=False)
    public_key: bytes

    def sign(self, data: bytes) -> bytes:
        return self._key.sign(data)

    @classmethod
    def of(cls, key: Ed25519PrivateKey) -> "KeySigner":
        return cls(key, key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw))

    @classmethod
    def from_seed(cls, seed: bytes) -> "KeySigner":
        """From RFC 8032's 32 secret bytes."""
        return cls.of(Ed25519PrivateKey.from_private_bytes(seed))


def ensure_key(path: Path, passphrase: bytes | None = None) -> KeySigner:
    """The key in that file, made first where there is none. Raises KeyUnusable or Failed."""
    return load_key(path, passphrase) if path.exists() else create_key(path, passphrase)


def create_key(path: Path, passphrase: bytes | None = None) -> KeySigner:
    """A new key, on disk before this returns, complete or not at all. Raises Failed, and never replaces a file."""
    key = Ed25519PrivateKey.generate()
    content = _encrypted(key, passphrase) if passphrase is not None else _pem(key)
    aside = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        aside.unlink(missing_ok=True)  # what a crash left of an earlier try
        descriptor = os.open(aside, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        os.link(aside, path)  # unlike a rename, this fails where the file exists
        aside.unlink()
        _sync_directory(path.parent)
        _sync_directory(path.parent.parent)
    except OSError as error:
        with suppress(OSError):
            aside.unlink()
        raise Failed(f"cannot write the key {path}: {error.strerror}") from error
    return KeySigner.of(key)


def load_key(path: Path, passphrase: bytes | None = None) -> KeySigner:
    """The key in that file. Raises KeyUnusable where it is missing, open to others, damaged or of another kind."""
    content = _read_private(path)
    text = content.decode("ascii", "replace")
    if text.startswith(_BEGIN):
        return KeySigner.of(_decrypted(text, passphrase, path))
    try:
        key = load_pem_private_key(content, None)
    except TypeError as error:
        raise KeyUnusable(f"the key {path} is encrypted, but not by storectl", hint=_RESTORE) from error
    except (ValueError, UnsupportedAlgorithm) as error:
        raise KeyUnusable(f"the key {path} cannot be parsed: it is not a private key in PEM", hint=_RESTORE) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise KeyUnusable(f"the key {path} is not an Ed25519 key", hint=_RESTORE)
    return KeySigner.of(key)


def _read_private(path: Path) -> bytes:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
    except FileNotFoundError:
        raise KeyUnusable(f"the key {path} is missing", hint=_RESTORE) from None
    except OSError as error:
        raise KeyUnusable(f"the key {path} cannot be read: {error.strerror}") from error
    try:
        _require_private(path, os.fstat(descriptor))
        content = os.read(descriptor, _MAX_FILE + 1)
    except OSError as error:
        raise KeyUnusable(f"the key {path} cannot be read: {error.strerror}") from error
    finally:
        os.close(descriptor)
    if len(content) > _MAX_FILE:
        raise KeyUnusable(f"the key {path} is no key: it is larger than {_MAX_FILE} bytes")
    return content


def _require_private(path: Path, status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise KeyUnusable(f"the key {path} is not a regular file")
    if status.st_mode & 0o077:
        raise KeyUnusable(
            f"the key {path} is open to others (mode {stat.S_IMODE(status.st_mode):04o})",
            hint=f"if nobody can have read or replaced it: chmod 0600 {path}",
        )
    if status.st_uid not in (0, os.geteuid()):
        raise KeyUnusable(f"the key {path} belongs to user {status.st_uid}, not to root or you")


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _encrypted(key: Ed25519PrivateKey, passphrase: bytes) -> bytes:
    header = bytes((_VERSION, *_SCRYPT)) + os.urandom(16 + 12)
    secret = key.private_bytes(Encoding.Raw, PrivateFormat.Raw, NoEncryption())
    sealed = ChaCha20Poly1305(_stretched(header, passphrase)).encrypt(header[20:32], secret, header)
    return f"{_BEGIN}\n{base64.encodebytes(header + sealed).decode()}{_END}\n".encode()


def _decrypted(text: str, passphrase: bytes | None, path: Path) -> Ed25519PrivateKey:
    if passphrase is None:
        raise KeyUnusable(f"the key {path} needs its passphrase", hint="give --key-passphrase-file")
    match = _ENVELOPE.fullmatch(text)
    try:
        data = base64.b64decode(match[1].replace("\n", ""), validate=True) if match else b""
    except binascii.Error:
        data = b""
    if len(data) != _ENVELOPE_BYTES:
        raise KeyUnusable(f"the key {path} cannot be parsed: its envelope is damaged", hint=_RESTORE)
    version, log2_n, r, p = data[:4]
    if version != _VERSION or log2_n not in _LOG2_N or r != 8 or p not in _P:
        raise KeyUnusable(f"the key {path} is encrypted with parameters that storectl does not accept", hint=_RESTORE)
    header, sealed = data[:_HEADER_BYTES], data[_HEADER_BYTES:]
    try:
        secret = ChaCha20Poly1305(_stretched(header, passphrase)).decrypt(header[20:32], sealed, header)
    except InvalidTag:
        raise KeyUnusable(f"the key {path} does not open: wrong passphrase, or a damaged file") from None
    return Ed25519PrivateKey.from_private_bytes(secret)


def _stretched(header: bytes, passphrase: bytes) -> bytes:
    return Scrypt(salt=header[4:20], length=32, n=1 << header[1], r=header[2], p=header[3]).derive(passphrase)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


_RESTORE = "restore it from a backup, or replace it with the root key: 'storectl keys enrol'"
