"""Measured spans of calls, in seconds. The measuring parts import this and no metrics library."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum, auto


class Timing(StrEnum):
    """A span whose distribution an operator wants to see."""

    JOIN = auto()
    """From the answered leg to the call's first media socket."""
    CALLBACK = auto()
    """A carrier's webhook, from its arrival to our answer."""
    DELIVERY_AGE = auto()
    """From the creation of a server message to its delivery."""
    FIRST_SOUND = auto()
    """From the carrier's start of a media stream to the assistant's first audio."""
    TURN_LATENCY = auto()
    """From the caller's last audible sound to the first of the answer, on the call's timeline."""
    ENDPOINTING_LATENCY = auto()
    """The part of a turn that decides that the caller has finished. The parts add up to it."""
    TRANSCRIBER_LATENCY = auto()
    MODEL_LATENCY = auto()
    VOICE_LATENCY = auto()
    TRANSPORT_LATENCY = auto()


Observe = Callable[[Timing, float], None]
"""Takes a measured span in seconds. Any thread may call it; it never blocks or raises."""


def unobserved(timing: Timing, seconds: float) -> None:
    """A function for a process without metrics: it discards the span."""
