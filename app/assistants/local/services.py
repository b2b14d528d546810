"""The three services of a call's pipeline: transcriber, model, voice."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import Enum

from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.pipeline.service_switcher import ServiceSwitcher
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService

from app.assistants.local.transcript.spoken_text import TextTiming
from app.vendors.common.speech_model import SpeechModel
from app.vendors.common.vendor import Config
from providers.common.json_types import JsonObject


@dataclass(frozen=True)
class ServiceNames:
    """Vapi's provider names of the three services."""

    transcriber: str
    model: str
    voice: str


@dataclass
class CallServices:
    """The three services of one call."""

    transcriber: FrameProcessor | None
    model: FrameProcessor
    voice: FrameProcessor | None
    """None: the model or the carrier speaks by itself."""
    named: ServiceNames
    spoken: JsonObject
    """The ``voice`` that speaks, which may be another than the assistant's."""
    texts: TextTiming = TextTiming.BEHIND
    """When the voice emits the texts of what it speaks."""
    configs: Mapping[FrameProcessor, Config] = field(default_factory=dict)
    """The assistant's ``model`` and ``transcriber`` of each service, reserves included."""

    @property
    def remembers(self) -> bool:
        """Whether the model is sent the whole conversation.

        A keypad menu needs none, and a model that speaks has it in its instructions.
        """
        return self.named.model != "embedded" and self.speech is None

    @property
    def overheard(self) -> Callable[[bytes], None] | None:
        """What takes the assistant's audio for a transcriber that wants it; None: none does."""
        part = self.transcriber
        heard = part.services if isinstance(part, ServiceSwitcher) else [part]
        takers = [getattr(each, "assistant_said", None) for each in heard]
        return next((each for each in takers if each is not None), None)

    @property
    def ends_turns(self) -> Callable[[], bool] | None:
        """Whether the transcriber at work decides when a turn is over; None: none of them does."""
        part = self.transcriber
        every = part.services if isinstance(part, ServiceSwitcher) else [part]
        if not any(getattr(each, "ends_turns", False) for each in every):
            return None
        return lambda: getattr(self.at_work(Stage.TRANSCRIBER), "ends_turns", False)

    @property
    def may_be_asked_twice(self) -> bool:
        """Whether a request to the model can be withdrawn and made anew.

        The menu acts on each of them. When one of several models fails, the next is given its
        request, which must not be one that was withdrawn.
        """
        return self.remembers and not isinstance(self.model, LLMSwitcher)

    @property
    def speech(self) -> SpeechModel | None:
        """The model, if it hears and speaks by itself."""
        return self.model if isinstance(self.model, SpeechModel) else None

    def provider(self, stage: Stage) -> str:
        """Vapi's name of the vendor that is at work."""
        service = self.at_work(stage)
        config = self.configs.get(service) if service is not None else None
        return str(config["provider"] if config else getattr(self.named, stage.value))

    def at_work(self, stage: Stage) -> FrameProcessor | None:
        """The service itself: of several, the active one."""
        part: FrameProcessor | None = getattr(self, stage.value)
        return part.strategy.active_service if isinstance(part, ServiceSwitcher) else part


def stage_of(error: ErrorFrame) -> Stage | None:
    """The service that raised this error, or None."""
    match error.processor:
        case LLMService() | LLMSwitcher():
            return Stage.MODEL
        case TTSService():
            return Stage.VOICE
        case STTService() | ServiceSwitcher():
            return Stage.TRANSCRIBER
    return None


class Stage(Enum):
    """A service of the pipeline, as a place where a call can fail."""

    MODEL = "model"
    VOICE = "voice"
    TRANSCRIBER = "transcriber"
