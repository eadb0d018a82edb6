"""One click command a file; `cli.main` finds them by name and imports only the one that runs."""
