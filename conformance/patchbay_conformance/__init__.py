"""Asks a Vapi-compatible server from outside, as its clients and its carriers do, and tells what held.

It has signatures, callbacks and media sockets of its own, and shares no code with any server.
"""
