"""One call of a tool by the model, and what comes of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from app.assistants.local.control import PipelineControl
from app.assistants.local.tools.definitions import Message, Tool, ToolMessageType
from app.assistants.local.tools.messages import choose
from app.domain.assistant.liquid.text import fill
from app.media.call_context import CallContext
from providers.common import foreign_json
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

# https://docs.vapi.ai/server-url#timeouts
SERVER_SECONDS = 20.0

# What is kept of a failure's words in a call without a record.
NOT_KEPT = "its words are not kept"


class ToolFailed(Exception):
    """The tool had no effect. The text goes to the model, and to the operator.

    ``told``: a server says so itself, so it works and may be asked again.
    """

    def __init__(self, text: str, *, told: bool = False, message: Message | None = None) -> None:
        super().__init__(text)
        self.told = told
        self.message = message


@dataclass(frozen=True, slots=True)
class Outcome:
    """What a tool gave."""

    text: str
    """For the model."""
    spoken: bool = False
    """Words were spoken about it, so the model stays silent."""
    message: Message | None = None
    """The words that the server chose, instead of the tool's own."""
    body: Any = None
    """The server's answer, for ``variableExtractionPlan``."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The answer's headers, in lower case."""
    is_told: bool = False
    """The conversation has the result already."""


@dataclass(frozen=True, slots=True)
class Run:
    """One call of a tool."""

    tool: Tool
    call_id: str
    """The model's id of this call."""
    arguments: JsonObject
    engine: PipelineControl
    call_context: CallContext
    values: JsonDict = field(default_factory=dict)
    """The values of templates, which a tool may add to."""

    def render(self, text: str) -> str:
        """Fill the templates: the values of the call, and the model's arguments over them."""
        return self.render_with(text, {**self.values, **self.arguments})

    def fixed(self, text: str) -> str:
        """Fill the templates with the values of the call only."""
        return self.render_with(text, self.values)

    def render_with(self, text: str, known: JsonObject) -> str:
        """Fill the templates with these values."""
        return fill(text, known)

    def words(self, when: ToolMessageType) -> Message | None:
        """The tool's message of this type, with its templates filled by now."""
        found = choose(self.tool, when, self.arguments)
        return found and self.filled(found)

    def filled(self, message: Message) -> Message:
        return replace(message, content=self.render(message.content))

    def shown(self, failure: ToolFailed) -> str:
        """The failure for the log and for the call: its words may be a caller's."""
        return NOT_KEPT if self.call_context.keeps_no_record else str(failure)

    async def speak_last(self, message: Message) -> None:
        """Speak the words about a result, and end the call where they say so."""
        if message.ends_call:
            await self.engine.finish(EndedReason.ASSISTANT_ENDED_CALL, message.content)
        else:
            await self.engine.say(message.content)


async def answer_of(
    run: Run, kind: str, extra: JsonDict, server: JsonObject | None = None
) -> tuple[JsonObject, str | None]:
    """A server's answer, and why there is none. None: the call's server. Raises ``ToolFailed``."""
    reply = await run.call_context.request(kind, extra, SERVER_SECONDS, server)
    try:
        body: Any = foreign_json.parse(reply.body) if reply.error is None else None
    except ValueError as error:
        raise ToolFailed("the server's answer is not JSON") from error
    return body if isinstance(body, Mapping) else {}, reply.error
