"""What talks and listens with no account at all: a voice, a keypad menu, and experimental ears."""
