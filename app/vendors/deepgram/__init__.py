"""Deepgram: transcriber and voices."""
