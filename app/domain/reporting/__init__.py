"""A call as clients read it: its JSON, server messages, the end-of-call report."""
