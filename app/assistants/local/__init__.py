"""The assistant that talks in this process: ears, a model and a voice around one call.

Nothing of the engine is imported until the first call, or ``warm.begin``.
"""

from __future__ import annotations

import asyncio
from typing import Any

from app.assistants.local import preload
from app.domain.services.media import StreamClaim
from app.media.stream import MediaStream
from providers.events import EndedReason


class Local:
    """One call's."""

    def __init__(self, claim: StreamClaim) -> None:
        self._claim = claim

    async def run(self, stream: MediaStream) -> EndedReason | None:
        """Until the call is over. Why, the line's decision says; without one the carrier has gone,
        or the engine has stopped by itself."""
        session: Any = await asyncio.to_thread(preload.load)
        await session.VoiceAgent(self._claim, stream).run()
        return EndedReason.ASSISTANT_ERROR
