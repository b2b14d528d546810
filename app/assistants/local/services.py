"""The three services of a call's pipeline: transcriber, model, voice."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from pipecat.frames.frames import ErrorFrame
from pipecat.pipeline.llm_switcher import LLMSwitcher
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.services.llm_service import LLMService
from pipecat.services.stt_service import STTService
from pipecat.services.tts_service import TTSService

from app.assistants.local.transcript.spoken_text import TextTiming
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
    voice: FrameProcessor
    named: ServiceNames
    spoken: JsonObject
    """The ``voice`` that speaks, which may be another than the assistant's."""
    texts: TextTiming = TextTiming.BEHIND
    """When the voice emits the texts of what it speaks."""


def stage_of(error: ErrorFrame) -> Stage | None:
    """The service that raised this error, or None."""
    match error.processor:
        case LLMService() | LLMSwitcher():
            return Stage.MODEL
        case TTSService():
            return Stage.VOICE
        case STTService():
            return Stage.TRANSCRIBER
    return None


class Stage(Enum):
    """A service of the pipeline, as a place where a call can fail."""

    MODEL = "model"
    VOICE = "voice"
    TRANSCRIBER = "transcriber"
