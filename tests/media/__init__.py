"""Tests of the media socket: a real server on loopback, real websockets, the real codecs.

``server`` has what they share; only the domain's side is a recording fake.
"""
