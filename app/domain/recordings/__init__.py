"""Recordings: the carrier's, our own, and their files."""
