"""A transcriber that is connected soon, or not at all.

The engine's services connect while the pipeline is set up, and nothing is said before: with a
server that takes a connection and is silent the caller would hear nothing for 38 seconds
(Deepgram) or 5 minutes (Gladia). Measured with pipecat 1.14.
"""

from __future__ import annotations

import asyncio

from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.stt_service import STTService
from pipecat.utils.errors import ErrorCategory

CONNECT_SECONDS = 5.0


class ConnectTimeout(STTService):
    """To be named before the vendor's own class."""

    async def setup(  # type: ignore[override]  # as the engine's own base does
        self, setup: FrameProcessorSetup
    ) -> None:
        """A failure is reported for good, instead of ending the setup of the whole pipeline."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await super().setup(setup)
        except TimeoutError:
            text = f"not connected within {CONNECT_SECONDS:g} s"
            category = ErrorCategory.CONNECTIVITY
            await self.push_error(text, category=category, force_treat_as_permanent=True)
        except Exception as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
