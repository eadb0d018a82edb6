"""Finding out what is not as the log says, and bringing it back."""
