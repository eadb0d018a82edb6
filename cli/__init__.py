"""How a person asks: one click command a file. `session` alone wires, `output` alone renders."""
