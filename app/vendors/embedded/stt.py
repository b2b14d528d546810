"""The embedded transcriber as a pipecat service. Imports pipecat: load it lazily."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass

from pipecat.frames.frames import ErrorFrame, Frame, TranscriptionFrame
from pipecat.services.settings import STTSettings
from pipecat.services.stt_service import SegmentedSTTService
from pipecat.utils.time import time_now_iso8601

from app.net.types import Addresses
from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import TRANSCRIBER, UnbuildableAssistant
from app.vendors.common.vendor import Config
from app.vendors.embedded.menu import spoken
from app.vendors.embedded.pocketsphinx import ListeningFailed, listen

# From the end of speech to the text, nearly always. Turn detection waits for it.
SLOW_SECONDS = 1.0


@dataclass
class GuessFrame(TranscriptionFrame):
    """A guess of the embedded recogniser: to act on, never to repeat."""


class EmbeddedTranscriber(SegmentedSTTService):
    """Transcribes whole utterances, as turn detection cuts them. Failures are error frames."""

    def __init__(self, phrases: Sequence[str], sample_rate: int) -> None:
        super().__init__(
            sample_rate=sample_rate,
            ttfs_p99_latency=SLOW_SECONDS,
            settings=STTSettings(model="pocketsphinx-en-us", language="en"),
        )
        self.phrases = tuple(phrases)

    def can_generate_metrics(self) -> bool:
        return True

    @property
    def wants_wav_segments(self) -> bool:
        """False: it takes samples."""
        return False

    async def run_stt(self, audio: bytes) -> AsyncGenerator[Frame | None, None]:
        try:
            text = await listen(audio, self.sample_rate, self.phrases)
        except ListeningFailed as error:
            yield ErrorFrame(error=str(error), exception=error)
            return
        if text:
            yield GuessFrame(text, self._user_id, time_now_iso8601())


def make(config: Config, _: VendorAccount, sample_rate: int, __: Addresses) -> EmbeddedTranscriber:
    """The transcriber of an assistant whose ``transcriber.provider`` is ``embedded``.

    ``config``: ``language`` (English), ``words`` (only these words and phrases are recognised).
    Raises ``UnbuildableAssistant``.
    """
    language, words = config.get("language") or "en", config.get("words") or []
    if str(language).partition("-")[0].lower() != "en":
        raise _bad("knows English only: leave its language out, or name another provider")
    if not isinstance(words, list | tuple) or not all(isinstance(each, str) for each in words):
        raise _bad("takes a list of words or phrases as its words")
    phrases = dict.fromkeys(" ".join(spoken(each)) for each in words)
    return EmbeddedTranscriber([each for each in phrases if each], sample_rate)


def _bad(text: str) -> UnbuildableAssistant:
    return UnbuildableAssistant(TRANSCRIBER, "embedded", f"The embedded transcriber {text}.")
