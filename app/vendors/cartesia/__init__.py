"""Cartesia: voices."""
