"""Talkscriber: transcriber."""
