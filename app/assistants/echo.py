"""Says back what it hears, answers a key with its own tone, ends the call on ``#``.

Needs no account anywhere: it answers the demo and proves that a deployment's sound works.
"""

from __future__ import annotations

from app.domain.services.media import Seat
from app.media.stream import Line
from providers.base.media import Audio, Digit
from providers.common.dtmf import tone
from providers.events import EndedReason

END_KEY = "#"


class Echo:
    """One call's echo."""

    def __init__(self, seat: Seat) -> None:
        self._seat = seat

    async def run(self, line: Line) -> EndedReason | None:
        """Until ``#``, or until the carrier has gone."""
        async for item in line:
            if isinstance(item, Audio):
                await line.send(item.pcm)
            elif isinstance(item, Digit):
                await line.send(tone(item.digit, line.sample_rate))
                if item.digit == END_KEY:
                    break
        return EndedReason.ASSISTANT_ENDED_CALL
