"""Spoken sentences, synthetic, 8 kHz: what a caller says in tests. ``python -m tests.speech.make`` made them."""

from __future__ import annotations

import wave
from functools import cache
from pathlib import Path

from providers.common.audio import audioop

RATE = 8000
SENTENCES = {
    "book": "I would like to book a table.",
    "two": "For two people, please.",
    "open": "What time do you open?",
    "stop": "Wait, stop.",
    "six": "There are six of us.",
    "person": "Let me speak to a person.",
    "yes": "Yes.",
    "no": "No, thank you.",
    "bye": "Thank you, goodbye.",
    "voicemail": "Please leave a message after the tone.",
}
"""What is said in each file, by its name."""


@cache
def speech(name: str, rate: int = RATE) -> bytes:
    """A sentence of ``SENTENCES`` as PCM (``providers.common.audio``) at any rate; no silence around it."""
    with wave.open(str(Path(__file__).parent / f"{name}.wav")) as file:
        assert (file.getframerate(), file.getnchannels(), file.getsampwidth()) == (RATE, 1, 2)
        pcm = file.readframes(file.getnframes())
    return pcm if rate == RATE else audioop.ratecv(pcm, 2, 1, RATE, rate, None)[0]


def seconds(pcm: bytes, rate: int = RATE) -> float:
    """How long PCM lasts."""
    return len(pcm) / (2 * rate)
