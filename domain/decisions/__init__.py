"""What may happen: pure functions from a command and the graph to events, or to a refusal that explains itself."""
