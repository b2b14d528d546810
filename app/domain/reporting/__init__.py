"""What clients are told of a call: its JSON, server messages, the end-of-call report."""
