"""What the parts of a conversation may do with the pipeline that runs them.

The pipeline imports some of these parts. They see it through this protocol, so that no import
circle arises.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pipecat.processors.aggregators.llm_context import LLMContext

from app.assistants.local.config import AgentConfig
from app.assistants.local.observer import CallObserver
from app.assistants.local.services import Stage
from app.assistants.local.sides import Input, Output
from app.assistants.local.squad.handoff import HandOver
from app.assistants.local.takeover.hold import Hold
from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.spoken_text import SpokenTextTracker
from app.assistants.local.turn_taking import CallerMute
from app.media.stream import MediaStream
from providers.common.json_types import JsonDict
from providers.events import EndedReason


class PipelineControl(Protocol):
    """The verbs of a running pipeline, and its parts."""

    hold: Hold
    stream: MediaStream
    config: AgentConfig
    conversation: Conversation
    context: LLMContext
    input: Input
    output: Output
    caller_mute: CallerMute
    observer: CallObserver
    spoken_text: SpokenTextTracker
    idle_left: int
    """How often a silent caller will still be asked whether they are there."""
    changed: Callable[[str, JsonDict], None]
    """Called with each event: a kind of ``messages.KINDS``, and its facts."""

    hand_over: HandOver
    """Hands the call to another assistant. Raises ``NoHandoff``."""

    @property
    def ending(self) -> bool:
        """Whether its end is decided."""
        ...

    async def say(self, text: str, *, filler: bool = False) -> None:
        """Queue this text behind the current speech. ``filler``: it is spoken while a tool runs."""
        ...

    async def say_uninterrupted(self, text: str) -> None:
        """Speak this text behind the current speech. The caller cannot interrupt either."""
        ...

    async def say_all(self, text: str, *, filler: bool = False) -> None:
        """Speak this text, and wait until the carrier has played it."""
        ...

    async def interrupt(self) -> None:
        """Drop the current speech, and what is queued behind it."""
        ...

    async def respond(self) -> None:
        """Ask the model for a response to the conversation as it stands."""
        ...

    async def add(self, role: str, text: str, *, respond: bool) -> None:
        """Add a message to the conversation without speaking it."""
        ...

    async def hush(self) -> None:
        """Drop the current speech: a supervisor has the call. Call it once the call is held."""
        ...

    def unhush(self) -> None:
        """The assistant may speak again."""
        ...

    async def supervisor_said(self, text: str, began: float) -> None:
        """Note what a supervisor said to the caller. ``began``: seconds since 1970."""
        ...

    async def play(self, pcm: bytes) -> None:
        """Queue audio behind the current speech, before the model's next response."""
        ...

    async def finish(
        self, reason: EndedReason, last_words: str = "", message: str | None = None
    ) -> None:
        """End the call after the last words. Only the first end counts."""
        ...

    async def abort(self, reason: EndedReason, message: str | None = None) -> None:
        """End the call at once."""
        ...

    async def overdue(self, stage: Stage) -> None:
        """Handle a service that has missed its deadline."""
        ...
