"""What the parts of several vendors share."""
