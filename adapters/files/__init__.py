"""storectl's own files below a sysroot, and files read safely."""
