"""The keypad menu in place of a language model. Imports pipecat: load it lazily."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, cast

from pipecat.frames.frames import (
    Frame,
    FunctionCallFromLLM,
    LLMContextFrame,
    LLMFullResponseEndFrame,
    LLMFullResponseStartFrame,
    LLMTextFrame,
)
from pipecat.processors.aggregators.llm_context import LLMContext
from pipecat.processors.frame_processor import FrameDirection
from pipecat.services.llm_service import LLMService

from app.vendors.common.llm_settings import no_settings
from app.vendors.common.vendor import Config
from app.vendors.embedded import menu, menu_json
from app.vendors.embedded.menu import Menu, Reply, Then
from providers.common.json_types import JsonObject

# The tools it calls, by Vapi's names. The tool executor registers them.
END_CALL, TRANSFER_CALL = "endCall", "transferCall"


class EmbeddedModel(LLMService[Any]):
    """Answers each turn of the caller from the menu; ends and transfers by tool calls."""

    def __init__(self, choices: Menu, *, guessed: bool = False) -> None:
        super().__init__(settings=no_settings("menu"))
        self.menu = choices
        self._guessed = guessed
        self._state: menu.State = ()

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, LLMContextFrame):
            await self._answer(frame.context)
        else:
            await self.push_frame(frame, direction)

    async def run_inference(self, context: LLMContext, *_: Any, **__: Any) -> str | None:
        """Return None: a menu writes no summary."""
        return None

    async def _answer(self, context: LLMContext) -> None:
        reply = self._reply(context)
        self._state = reply.state
        await self.push_frame(LLMFullResponseStartFrame())
        if reply.say:
            await self.push_frame(LLMTextFrame(reply.say))
        await self.push_frame(LLMFullResponseEndFrame())
        if reply.then == Then.END:
            await self._call(END_CALL, {}, context)
        elif reply.then == Then.TRANSFER:
            await self._call(TRANSFER_CALL, {"destination": reply.destination}, context)
        elif reply.then in menu.OF_OPERATORS:
            await self._call(reply.then.value, {}, context)

    def _reply(self, context: LLMContext) -> Reply:
        messages = cast(list[JsonObject], context.get_messages())
        last = messages[-1] if messages else {}
        role = last.get("role")
        if role == "tool":  # the result of our own tool call needs no answer
            return Reply("", state=self._state)
        if role == "user":
            return menu.answer(self.menu, self._state, _text(last), guessed=self._guessed)
        return Reply(menu.greeting(self.menu))

    async def _call(self, name: str, arguments: JsonObject, context: LLMContext) -> None:
        call = FunctionCallFromLLM(name, str(uuid.uuid4()), arguments, context)
        await self.run_function_calls([call])


def make(config: Config, *, guessed: bool = False, of_operator: bool = False) -> EmbeddedModel:
    """The model of an assistant with ``model.provider`` ``embedded``, or without a model.

    ``config``: ``menu``; see ``embedded/menu_json.py``. ``guessed``: the transcriber is the
    embedded one. ``of_operator``: of an assistant that talks with an operator. Raises
    ``UnbuildableAssistant``.
    """
    choices = menu_json.read(config.get("menu"), of_operator=of_operator)
    return EmbeddedModel(choices, guessed=guessed)


def _text(message: JsonObject) -> str:
    """The text of a message, whose content is a text or a list of parts."""
    content = message.get("content")
    if isinstance(content, str):
        return content
    parts = content if isinstance(content, list) else []
    return " ".join(str(each.get("text", "")) for each in parts if isinstance(each, Mapping))
