"""What all simulated carriers share."""
