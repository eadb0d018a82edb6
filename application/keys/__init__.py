"""The log's own keys: rotated, replaced by the root, revoked."""
