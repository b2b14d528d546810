"""Connections to addresses that a client chose: only vetted ones."""
