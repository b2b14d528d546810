"""Gladia: transcriber."""
