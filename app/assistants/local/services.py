"""What a call's pipeline is made of."""

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


@dataclass(frozen=True)
class ServiceNames:
    """Whose the three services are: Vapi's provider names."""

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
    texts: TextTiming = TextTiming.BEHIND
    """When the voice gives the texts of what it speaks."""


def stage_of(error: ErrorFrame) -> Stage | None:
    """Whose error it is; None: of no service."""
    match error.processor:
        case LLMService() | LLMSwitcher():
            return Stage.MODEL
        case TTSService():
            return Stage.VOICE
        case STTService():
            return Stage.TRANSCRIBER
    return None


class Stage(Enum):
    """Whose failure it is."""

    MODEL = "model"
    VOICE = "voice"
    TRANSCRIBER = "transcriber"
