"""Where checkpoints go: a file, the journal, a registry, a witness."""
