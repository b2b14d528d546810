"""Several assistants in one call, one after the other."""
