"""Piper as a pipecat service. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import VOICE, UnbuildableAssistant
from app.vendors.common.local_models import MissingModel
from app.vendors.common.settings_map import read
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.piper import VENDOR, models, speaking
from app.vendors.piper.models import SPEEDS, Voice

# Without audio for so long a sentence counts as spoken. The next may wait for other calls'.
STALLED_SECONDS = 3.0


class PiperVoice(TTSService):
    """Speaks sentence by sentence, without word times. Failures are error frames."""

    def __init__(self, voice: Voice, speed: float, sample_rate: int) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            stop_frame_timeout_s=STALLED_SECONDS,
            sample_rate=sample_rate,
            settings=TTSSettings(model="piper", voice=voice.name, language=None),
        )
        self._chosen = voice
        self._speed = speed

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        await self.start_tts_usage_metrics(text)
        try:
            async for pcm in speaking.speak(text, self._chosen, self.sample_rate, self._speed):
                await self.stop_ttfb_metrics()
                yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)
        except speaking.SpeakingFailed as error:
            yield ErrorFrame(error=str(error), exception=error)


def make(config: Config, account: VendorAccount, sample_rate: int, _: Custom) -> PiperVoice:
    """The voice of an assistant whose ``voice.provider`` is ``piper``.

    ``config``: ``voiceId`` (a name of this machine's) and ``speed`` (0.5 to 2). Raises
    ``UnbuildableAssistant``.
    """
    fields = VENDOR.tts.fields if VENDOR.tts else {}
    speed = float(read(VOICE, config, fields, speed=1.0)["speed"])
    if not SPEEDS[0] <= speed <= SPEEDS[1]:
        raise UnbuildableAssistant(VOICE, "piper", "Piper's speed is a number from 0.5 to 2.")
    try:
        voice = models.choose(config, account)
    except MissingModel as error:
        raise UnbuildableAssistant(VOICE, "piper", str(error)) from None
    return PiperVoice(voice, speed, sample_rate)
