"""The backend ``local``: a voice agent in this process, built on pipecat.

It joins a transcriber, a model and a voice. pipecat is not imported until the first call, or until
``preload.warm_up``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from app.assistants.local import preload
from app.domain.services.media import StreamClaim
from app.media.stream import MediaStream
from providers.events import EndedReason


class Local:
    """The voice agent of one call."""

    def __init__(self, claim: StreamClaim) -> None:
        self._claim = claim

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Run until the call is over. The stream's ``end_reason`` says why it ended.

        Without an ``end_reason`` the carrier has gone, or pipecat has stopped by itself: then
        ASSISTANT_ERROR holds.
        """
        session: Any = await asyncio.to_thread(preload.load)
        await session.VoiceAgent(self._claim, stream).run()
        return EndedReason.ASSISTANT_ERROR
