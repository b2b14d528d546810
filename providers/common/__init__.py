"""Public standards that the carriers and the application share."""
