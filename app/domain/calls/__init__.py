"""A call: its state as a fold of events, its creation, its changes and its end."""
