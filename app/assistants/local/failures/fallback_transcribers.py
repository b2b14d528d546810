"""``transcriber.fallbackPlan``: when a transcriber fails for good, the next one hears the call.

https://docs.vapi.ai/customization/transcriber-fallback-plan
"""

from __future__ import annotations

from collections.abc import Sequence

from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.service_switcher import ServiceSwitcher
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.stt_service import STTService

from app.assistants.local.failures.ended_reasons import clean
from app.assistants.local.failures.fallback_models import InTurn
from app.media.stream import now
from app.telemetry.call_log import call_log
from app.vendors.common.connect_timeout import ConnectTimeout

log = call_log(__name__)


class WhenLost(InTurn):
    """A pipecat switcher strategy: a transcriber that is not usable any more activates the next."""

    def __init__(self, services: list[FrameProcessor]) -> None:
        super().__init__(services)
        self.switched = list[tuple[FrameProcessor, float]]()
        """Each transcriber that took over, and when."""

    async def handle_error(self, error: ErrorFrame) -> FrameProcessor | None:
        """Called by the switcher. None: the error goes on."""
        if error.processor is None or error.processor.is_usable:
            return None
        following = await self.advance()
        if following is not None:
            log.warning("another transcriber takes over: %s", clean(error.error))
        return following

    async def advance(self) -> FrameProcessor | None:
        following = await super().advance()
        if following is not None:
            self.switched.append((following, now()))
        if isinstance(following, ConnectTimeout):
            following.create_task(following.take_over())
        return following


def in_reserve(transcribers: Sequence[STTService]) -> FrameProcessor:
    """One service of several, of which the first is connected. A single one stays as it is."""
    for each in transcribers[1:]:
        if isinstance(each, ConnectTimeout):
            each.standby = True
    if len(transcribers) == 1:
        return transcribers[0]
    return ServiceSwitcher(list(transcribers), WhenLost)


async def skip(transcriber: FrameProcessor | None) -> bool:
    """Give up a transcriber that returns no text. Return whether another one takes over."""
    if not isinstance(transcriber, ServiceSwitcher):
        return False
    deaf = transcriber.strategy.active_service
    await deaf.set_usable(False)
    if await transcriber.strategy.advance() is None:
        return False
    if isinstance(deaf, ConnectTimeout):
        deaf.create_task(deaf.stand_down())
    return True


def spans(transcriber: FrameProcessor | None, seconds: float) -> list[tuple[FrameProcessor, float]]:
    """Each transcriber that heard the last ``seconds`` of a call, and for how long."""
    if transcriber is None:
        return []
    if not isinstance(transcriber, ServiceSwitcher):
        return [(transcriber, seconds)]
    until = now()
    begun = [(transcriber.services[0], until - seconds), *transcriber.strategy.switched]
    ends = [*(began for _, began in begun[1:]), until]
    return [(each, max(0.0, end - began)) for (each, began), end in zip(begun, ends, strict=True)]
