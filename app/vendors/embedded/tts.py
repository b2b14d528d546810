"""The embedded voice as a pipecat service. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pipecat.frames.frames import ErrorFrame, Frame, TTSAudioRawFrame
from pipecat.services.settings import TTSSettings
from pipecat.services.tts_service import TTSService

from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import VOICE, UnbuildableAssistant
from app.vendors.common.tts_part import Custom
from app.vendors.common.vendor import Config
from app.vendors.embedded import espeak

# Without audio for so long a sentence counts as spoken; one takes 0.02 s.
STALLED_SECONDS = 1.0


class EmbeddedVoice(TTSService):
    """Speaks sentence by sentence, without word times. Failures are error frames."""

    def __init__(self, voice: str, speed: float, sample_rate: int) -> None:
        super().__init__(
            push_start_frame=True,
            push_stop_frames=True,
            stop_frame_timeout_s=STALLED_SECONDS,
            sample_rate=sample_rate,
            settings=TTSSettings(model="espeak-ng", voice=voice, language=None),
        )
        self._speed = speed

    def can_generate_metrics(self) -> bool:
        return True

    async def run_tts(self, text: str, context_id: str) -> AsyncGenerator[Frame | None, None]:
        voice = str(self._settings.voice)
        await self.start_tts_usage_metrics(text)
        try:
            async for pcm in espeak.speak(text, self.sample_rate, voice=voice, speed=self._speed):
                await self.stop_ttfb_metrics()
                yield TTSAudioRawFrame(pcm, self.sample_rate, 1, context_id=context_id)
        except espeak.SpeechFailed as error:
            yield ErrorFrame(error=str(error), exception=error)


def make(config: Config, _: VendorAccount, sample_rate: int, __: Custom) -> EmbeddedVoice:
    """The voice of an assistant whose ``voice.provider`` is ``embedded``.

    ``config``: ``voiceId`` (a language of espeak-ng, ``en-us`` if absent) and ``speed`` (0.5 to 2).
    Raises ``UnbuildableAssistant``.
    """
    voice = config.get("voiceId") or espeak.VOICE
    speed = config.get("speed") or 1.0
    try:
        espeak.check(str(voice))
    except espeak.SpeechFailed as error:
        raise UnbuildableAssistant(VOICE, "embedded", str(error)) from None
    if isinstance(speed, bool) or not isinstance(speed, int | float) or not 0.5 <= speed <= 2:
        raise UnbuildableAssistant(
            VOICE, "embedded", "The embedded voice's speed is a number from 0.5 to 2."
        )
    return EmbeddedVoice(str(voice), float(speed), sample_rate)
