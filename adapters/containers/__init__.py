"""Container stores: the owned one through podman and skopeo, and any of them read from its files."""
