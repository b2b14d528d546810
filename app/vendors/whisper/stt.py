"""Whisper as a pipecat service. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import AsyncGenerator

from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.time import time_now_iso8601

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import TRANSCRIBER, UnbuildableAssistant
from app.vendors.common.local_models import MissingModel
from app.vendors.common.vendor import Config
from app.vendors.whisper import models
from app.vendors.whisper.listening import ListeningBusy, ListeningFailed, listen
from app.vendors.whisper.models import Model

# From the end of speech to the text, nearly always. Turn detection waits for it.
SLOW_SECONDS = 2.5
# Utterances in a row that find the programs busy, before another transcriber takes the call.
REFUSALS = 2


class WhisperTranscriber(SegmentedSTTService):
    """Transcribes whole utterances, as turn detection cuts them. Failures are error frames.

    One that cannot go on is not usable any more: the next of the ``fallbackPlan`` takes over.
    """

    def __init__(self, model: Model, language: str | None, sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            ttfs_p99_latency=SLOW_SECONDS,
            settings=STTSettings(model=f"whisper-{model.name}", language=language),
        )
        self.model = model
        self.language = language
        self._refusals = 0

    def can_generate_metrics(self) -> bool:
        return True

    @property
    def wants_wav_segments(self) -> bool:
        """False: it takes samples."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        try:
            text = await listen(audio, self.sample_rate, self.model, self.language)
        except ListeningFailed as error:
            self._refusals += 1
            if self._refusals >= REFUSALS or not isinstance(error, ListeningBusy):
                await self.set_usable(False)
            yield ErrorFrame(error=str(error), exception=error)
            return
        self._refusals = 0
        if text:
            yield TranscriptionFrame(text, self._user_id, time_now_iso8601())


def make(
    config: Config, account: VendorAccount, sample_rate: int, _: Addresses
) -> WhisperTranscriber:
    """The transcriber of an assistant whose ``transcriber.provider`` is ``whisper``.

    ``config``: ``model`` (a name of this machine's) and ``language``. Raises
    ``UnbuildableAssistant``.
    """
    try:
        model = models.choose(config, account)
        language = models.language_of(config, model)
    except MissingModel as error:
        raise UnbuildableAssistant(TRANSCRIBER, "whisper", str(error)) from None
    return WhisperTranscriber(model, language, sample_rate)
