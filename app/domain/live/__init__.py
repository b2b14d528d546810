"""A call in progress: live call control and listening."""
