"""A connect timeout for transcribers.

pipecat's services connect while the pipeline is set up, and no word is spoken before. A
server that accepts a connection and stays silent would make the caller wait. With pipecat 1.14
that was 38 seconds for Deepgram, and 5 minutes for Gladia.
"""

from __future__ import annotations

import asyncio

from pipecat.processors.frame_processor import FrameProcessorSetup
from pipecat.services.stt_service import STTService
from pipecat.utils.errors import ErrorCategory

from app.vendors.common.clean_text import CleanText

CONNECT_SECONDS = 5.0


class ConnectTimeout(CleanText, STTService):
    """A mixin, named before the vendor's own class."""

    async def setup(  # type: ignore[override]  # as the engine's own base does
        self, setup: FrameProcessorSetup
    ) -> None:
        """Report a failure as final, instead of ending the setup of the whole pipeline."""
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await super().setup(setup)
        except TimeoutError:
            text = f"not connected within {CONNECT_SECONDS:g} s"
            category = ErrorCategory.CONNECTIVITY
            await self.push_error(text, category=category, force_treat_as_permanent=True)
        except Exception as error:
            await self.push_error(str(error), exception=error, force_treat_as_permanent=True)
