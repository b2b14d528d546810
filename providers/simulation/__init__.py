"""The shared part of all simulated carriers."""
