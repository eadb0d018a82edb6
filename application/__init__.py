"""What happens when somebody asks: one use case a file, and the journal, the one way to record."""
