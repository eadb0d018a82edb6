"""What is true and what may happen: values, events, decisions, policies. No I/O, clock or randomness."""
