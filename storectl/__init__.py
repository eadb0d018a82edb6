"""storectl: the container store of an image-based host, managed by event sourcing. The API is the command line."""
