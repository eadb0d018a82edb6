"""Ed25519, and private keys on disk."""
