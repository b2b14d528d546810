"""What operators see of a running process: metrics and the log."""
