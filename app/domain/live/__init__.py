"""A call in progress: live call control, and who may listen to it."""
