"""Recordings: the carrier's, our own, their files."""
