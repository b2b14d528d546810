"""How long a caller waits for an answer, and what for."""
