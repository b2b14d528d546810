"""A media stream as pipecat's input and output transports.

Audio is sent up to ``LEAD_SECONDS`` before it is due. The carrier's buffer hides this process's
delays, and a ``clear`` empties it when the caller interrupts.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from pipecat.audio.dtmf.types import KeypadEntry
from pipecat.audio.filters.base_audio_filter import BaseAudioFilter
from pipecat.frames.frames import (
    CancelFrame,
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InputDTMFFrame,
    InterruptionFrame,
    OutputAudioRawFrame,
    StartFrame,
    TTSAudioRawFrame,
)
from pipecat.processors.frame_processor import FrameDirection
from pipecat.transports.base_input import BaseInputTransport
from pipecat.transports.base_output import BaseOutputTransport
from pipecat.transports.base_transport import TransportParams

from app.assistants.local.takeover.hold import Hold
from app.media.stream import MediaStream, now
from app.vendors.common.speech_parts import Playback
from providers.base.media import Audio, Digit

LEAD_SECONDS = 0.3
# Messages of 20 ms joined into one pipecat frame, because every frame costs processor time.
JOINED = 2
# Of more waiting sound than this, as much faster than it was spoken is heard. At once would be too
# fast: an interruption by the first words drops those that come in the same moment.
WAITING_SECONDS = 0.5
CATCH_UP = 5
# What is written at once, in units of 10 ms.
CHUNK_10MS = 4
KEYS = {entry.value: entry for entry in KeypadEntry}


def params(sample_rate: int, filter_in: BaseAudioFilter | None = None) -> TransportParams:
    return TransportParams(
        audio_in_filter=filter_in,
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_sample_rate=sample_rate,
        audio_out_sample_rate=sample_rate,
        audio_out_10ms_chunks=CHUNK_10MS,
        audio_out_end_silence_secs=0,  # the session waits until all audio is played
    )


class AgentInputTransport(BaseInputTransport):
    """The caller's audio and keys as frames. ``gone`` is called once the carrier has left."""

    def __init__(
        self,
        stream: MediaStream,
        gone: Callable[[], None],
        filter_in: BaseAudioFilter | None = None,
    ) -> None:
        super().__init__(params(stream.sample_rate, filter_in))
        self._stream = stream
        self._gone = gone
        self._reader: asyncio.Task[None] | None = None
        # Set once the caller is this assistant's: until then it hears nothing.
        self.live = asyncio.Event()
        # The model does not hear the caller (live control ``mute-customer``).
        self.muted = False

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)
        if self._reader is None:
            self._reader = self.create_task(self._read())

    async def stop(self, frame: EndFrame) -> None:
        await self._stop_reading()
        await super().stop(frame)

    async def cancel(self, frame: CancelFrame) -> None:
        await self._stop_reading()
        await super().cancel(frame)

    async def leave(self) -> None:
        """Hear nothing more: another assistant has the caller."""
        await self._stop_reading()

    async def _stop_reading(self) -> None:
        if self._reader is not None:
            await self.cancel_task(self._reader)
            self._reader = None

    async def _read(self) -> None:
        await self.live.wait()
        held = list[bytes]()
        async for item in self._stream:
            if isinstance(item, Audio):
                held.append(item.pcm)
                if len(held) == JOINED:
                    await self._hear(b"".join(held))
                    held.clear()
            elif isinstance(item, Digit) and item.digit in KEYS and not self.muted:
                await self.push_frame(InputDTMFFrame(button=KEYS[item.digit]))
        self._gone()

    async def _hear(self, pcm: bytes) -> None:
        sound = bytes(len(pcm)) if self.muted else pcm
        await self.push_audio_frame(
            InputAudioRawFrame(audio=sound, sample_rate=self._stream.sample_rate, num_channels=1)
        )
        if self._stream.waiting_seconds > WAITING_SECONDS:
            await asyncio.sleep(len(pcm) / (2 * self._stream.sample_rate) / CATCH_UP)


class AgentOutputTransport(BaseOutputTransport):
    """The voice's audio, paced and sent to the carrier."""

    def __init__(self, stream: MediaStream, hold: Hold) -> None:
        super().__init__(params(stream.sample_rate))
        self._stream = stream
        self._hold = hold
        self._due = 0.0
        self._not_before = 0.0
        # The caller does not hear the assistant (live control ``mute-assistant``).
        self.muted = False
        # Called with the sent audio, for a transcriber that wants both sides.
        self.overheard: Callable[[bytes], None] | None = None
        # Seconds that the carrier had not played when it was cleared last.
        self.unheard = 0.0
        # Seconds of speech that were sent so far.
        self._sent = 0.0

    async def start(self, frame: StartFrame) -> None:
        await super().start(frame)
        await self.set_transport_ready(frame)

    def hold(self, until: float) -> None:
        """Let the assistant say nothing before this time, by ``stream.now``."""
        self._not_before = max(self._not_before, until)

    def playback(self) -> Playback:
        """How much of the speech was sent, and how much of it the carrier has played."""
        return Playback(self._sent, max(0.0, self._sent - self._stream.buffered_seconds))

    async def cut(self) -> None:
        """Drop what the carrier has not played yet."""
        self._due = 0.0
        self.unheard = self._stream.buffered_seconds
        await self._stream.clear()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        if isinstance(frame, TTSAudioRawFrame) and (wait := self._not_before - now()) > 0:
            await asyncio.sleep(wait)  # an interruption cancels it
        # before pipecat's own handling: each millisecond is audible
        if isinstance(frame, InterruptionFrame):
            if not self._hold.held:  # else what is played is the supervisor's
                await self.cut()
        elif isinstance(frame, CancelFrame):
            self.unheard = self._stream.buffered_seconds
        await super().process_frame(frame, direction)

    async def write_audio_frame(self, frame: OutputAudioRawFrame) -> bool:
        """Send audio. True makes pipecat's later processors count it as spoken."""
        if self._hold.held:
            return False
        sound = bytes(len(frame.audio)) if self.muted else frame.audio
        if self.overheard is not None:
            self.overheard(sound)
        await self._stream.send(sound)
        at = now()
        length = len(frame.audio) / (2 * self._stream.sample_rate)
        self._due = max(self._due, at) + length
        if isinstance(frame, TTSAudioRawFrame):
            self._sent += length
        await asyncio.sleep(max(0.0, self._due - at - LEAD_SECONDS))
        return True
