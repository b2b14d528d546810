"""Rime: voices."""
