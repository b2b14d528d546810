"""Pressed keys for a model that hears by itself: no transcript is there to carry them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from pipecat.frames.frames import Frame, TranscriptionFrame
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor


class KeysAsText(FrameProcessor):
    """Behind pipecat's aggregator of keys: takes its text out of the pipeline."""

    def __init__(self, pressed: Callable[[str], Awaitable[None]]) -> None:
        """``pressed`` gets each text, such as ``DTMF: 12#``."""
        super().__init__()
        self._pressed = pressed

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, TranscriptionFrame):
            await self._pressed(frame.text)
            return
        await self.push_frame(frame, direction)
