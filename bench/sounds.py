"""What the stand-ins of a bench say."""

from __future__ import annotations

import struct

GREETING, REPLY = "Hello there, how may I help?", "Surely I will see to it at once for you."
SECONDS = {GREETING: 1.0, REPLY: 3.0}
"""Seconds of audio of each sentence."""
RATE = 24000


def tone(seconds: float) -> bytes:
    """Loud throughout: silence means that no audio was sent."""
    half = RATE // 800
    return b"".join(
        struct.pack("<h", 9000 if n // half % 2 else -9000) for n in range(int(RATE * seconds))
    )


SOUNDS = {text: tone(seconds) for text, seconds in SECONDS.items()}
