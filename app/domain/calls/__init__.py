"""A call: its state as a fold of events, how it is created, changed and ended."""
