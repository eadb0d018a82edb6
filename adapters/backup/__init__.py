"""Backups in a directory: logs by generation, images in one OCI layout, commits in one ostree repository."""
