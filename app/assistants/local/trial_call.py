"""One short call without a carrier, ahead of the first real one. Imports pipecat: load it lazily.

It goes through the pipeline as every call does: silence comes in, the embedded voice goes out. So
the first caller does not wait for what pipecat and the models do once. Nothing is stored, and
no vendor is asked.
"""

from __future__ import annotations

import asyncio

from app.assistants.local.agent import VoiceAgent
from app.domain.assistant.config import EMBEDDED, AssistantConfig
from app.domain.services.media import MediaService, StreamClaim
from app.media.call_context import CallContext
from app.media.close_reason import CloseOnce
from app.media.limits import Limits
from app.media.socket import Event, Socket
from app.media.stream import MediaStream
from providers.base.media import Audio, Frame, NoAudio, StreamStart, UnknownFrame

SAMPLE_RATE = 8000
STEP = bytes(SAMPLE_RATE // 50 * 2)
"""20 ms of silence, as carriers send it."""
STEPS = 25
SECONDS = 5.0
"""The longest wait for its first sound, and then for its end."""
ASSISTANT = AssistantConfig(
    {
        "firstMessage": "Ready.",
        "model": EMBEDDED,
        "voice": EMBEDDED,
        "startSpeakingPlan": {"smartEndpointingEnabled": True},  # the other way is part of it
    }
)


async def run(service: MediaService) -> bool:
    """Run it until its first sound. False: there was none."""
    carrier = next(iter(service.context.providers.values()))
    claim = StreamClaim("", "", "", carrier, "local", None, ASSISTANT, {})
    limits, start = Limits(), StreamStart(None, None, None, SAMPLE_RATE)
    socket = Socket({}, _never, _nowhere, stall_seconds=limits.stall_seconds)
    stream = MediaStream(
        socket, _Nothing(), start, (), CloseOnce(), limits, _Unwritten(service, claim)
    )
    sounds = asyncio.Event()
    stream.on_first_sound = sounds.set
    for _ in range(STEPS):
        stream.deliver(Audio(STEP), b"")
    agent = asyncio.create_task(VoiceAgent(claim, stream).run())
    heard = asyncio.create_task(sounds.wait())
    await asyncio.wait([agent, heard], timeout=SECONDS, return_when=asyncio.FIRST_COMPLETED)
    heard.cancel()
    stream.end()
    await asyncio.wait([agent], timeout=SECONDS)
    agent.cancel()
    return sounds.is_set()


class _Unwritten(CallContext):
    """The handle of a call that is not in the store."""

    def _wake(self) -> None:
        """Write nothing."""


class _Nothing(NoAudio):
    """The serializer of no carrier."""

    sample_rate = SAMPLE_RATE

    def decode(self, message: str | bytes) -> Frame:
        return UnknownFrame("")


async def _never() -> Event:
    await asyncio.Event().wait()
    raise AssertionError


async def _nowhere(event: Event) -> None:
    """Take a message."""
