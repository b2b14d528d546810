"""The sound of the line: the background, and the caller without theirs."""
