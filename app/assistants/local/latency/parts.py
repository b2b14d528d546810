"""The wait for one answer, split into its parts. Pure. All times are by ``stream.now``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, fields

from app.domain.timings import Timing


@dataclass
class Moments:
    """What happened in one turn, in this order. None: it did not, or was not noticed."""

    noticed: float
    """Voice activity detection reported that the caller stopped."""
    understood: float | None = None
    """The last final text of the turn came."""
    asked: float = 0.0
    """The model was asked."""
    worded: float | None = None
    """Its first word came, or the first text to speak."""
    voiced: float | None = None
    """The voice's first audio came."""


@dataclass(frozen=True)
class TurnLatency:
    """Seconds from the caller's last audible sound to the answer's first, and their parts.

    The parts follow each other, so their sum is ``turn``.
    """

    endpointing: float
    """Until the model was asked, without the wait for the transcriber."""
    transcriber: float
    """From the report that the caller stopped to the turn's last text."""
    model: float
    """From the request to its first word, tools included."""
    voice: float
    """From there to its first audio, and the silence that this begins with."""
    transport: float
    """From the voice's audio to its moment on the line."""

    @property
    def turn(self) -> float:
        return self.endpointing + self.transcriber + self.model + self.voice + self.transport

    @property
    def spans(self) -> Iterator[tuple[Timing, float]]:
        """The same for the histograms."""
        yield Timing.TURN_LATENCY, self.turn
        yield Timing.ENDPOINTING_LATENCY, self.endpointing
        yield Timing.TRANSCRIBER_LATENCY, self.transcriber
        yield Timing.MODEL_LATENCY, self.model
        yield Timing.VOICE_LATENCY, self.voice
        yield Timing.TRANSPORT_LATENCY, self.transport

    @property
    def told(self) -> str:
        """``612 ms: 420 endpointing, 0 transcriber, 120 model, 60 voice, 12 transport``"""
        parts = ", ".join(
            f"{getattr(self, each.name) * 1000:.0f} {each.name}" for each in fields(self)
        )
        return f"{self.turn * 1000:.0f} ms: {parts}"


def split(moments: Moments, last: float, first: float, block: float) -> TurnLatency:
    """``last``: the caller's last sound. ``first``: the answer's first, in audio from ``block`` on.

    A moment outside of the wait counts as at its edge: the caller may have sounded after it.
    """

    def within(at: float | None, edge: float) -> float:
        return min(max(edge, edge if at is None else at), first)

    noticed = within(moments.noticed, last)
    understood = within(moments.understood, noticed)
    asked = within(moments.asked, understood)
    worded = within(moments.worded, asked)
    voiced = within(moments.voiced, worded)
    begins = within(block, voiced)
    return TurnLatency(
        endpointing=noticed - last + asked - understood,
        transcriber=understood - noticed,
        model=worded - asked,
        voice=voiced - worded + first - begins,
        transport=begins - voiced,
    )
