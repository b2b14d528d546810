"""The backend ``echo``: repeats the caller, and answers a key with its DTMF tone.

``#`` ends the call. It needs no vendor account, so it shows that a deployment's audio works in both
directions.
"""

from __future__ import annotations

from app.domain.services.media import StreamClaim
from app.media.stream import MediaStream
from providers.base.media import Audio, Digit
from providers.common.dtmf import tone
from providers.events import EndedReason

END_KEY = "#"


class Echo:
    """The echo of one call."""

    def __init__(self, claim: StreamClaim) -> None:
        self._claim = claim

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Run until ``#``, or until the carrier has gone."""
        async for item in stream:
            if isinstance(item, Audio):
                await stream.send(item.pcm)
            elif isinstance(item, Digit):
                await stream.send(tone(item.digit, stream.sample_rate))
                if item.digit == END_KEY:
                    break
        return EndedReason.ASSISTANT_ENDED_CALL
