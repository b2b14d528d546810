"""What the parts of a conversation may do with the pipeline that runs it.

The pipeline imports some of these parts, so they know it by this protocol alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from pipecat.processors.aggregators.llm_context import LLMContext

from app.assistants.local.config import AgentConfig
from app.assistants.local.observer import CallObserver
from app.assistants.local.services import Stage
from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.spoken_text import SpokenTextTracker
from app.assistants.local.transport import AgentInputTransport, AgentOutputTransport
from app.assistants.local.turn_taking import CallerMute
from app.media.stream import MediaStream
from providers.events import EndedReason


class PipelineControl(Protocol):
    """The verbs of a running pipeline, and the parts that it is made of."""

    stream: MediaStream
    config: AgentConfig
    conversation: Conversation
    context: LLMContext
    input: AgentInputTransport
    output: AgentOutputTransport
    caller_mute: CallerMute
    observer: CallObserver
    spoken_text: SpokenTextTracker
    idle_left: int
    """How often a silent caller will be asked whether they are there."""
    changed: Callable[[str, dict[str, Any]], None]
    """Told what happens: a kind of ``telling.KINDS``, and its facts."""

    async def say(self, text: str, *, filler: bool = False) -> None:
        """Speak this, after what is being spoken. ``filler``: while a tool works."""
        ...

    async def say_all(self, text: str, *, filler: bool = False) -> None:
        """Speak this, and wait until it was played."""
        ...

    async def interrupt(self) -> None:
        """Drop what is being said, and what waits to be said."""
        ...

    async def respond(self) -> None:
        """Let the model speak to the conversation as it stands."""
        ...

    async def add(self, role: str, text: str, *, respond: bool) -> None:
        """Put a message into the conversation without speaking it."""
        ...

    async def play(self, pcm: bytes) -> None:
        """Sound, after what is being spoken, and before what the model says next."""
        ...

    async def finish(
        self, reason: EndedReason, last_words: str = "", message: str | None = None
    ) -> None:
        """End politely. Only the first end counts."""
        ...

    async def abort(self, reason: EndedReason, message: str | None = None) -> None:
        """End at once."""
        ...

    async def overdue(self, stage: Stage) -> None:
        """A stage has not answered in time."""
        ...
