"""The sysroot's ostree side."""
