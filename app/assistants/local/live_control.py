"""Carries out commands from outside the pipeline: live control, and a carrier's voicemail verdict.

https://docs.vapi.ai/calls/call-features
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.assistants.local.control import PipelineControl
from app.domain.assistant.conversation import FirstMessageMode
from app.telemetry.call_log import call_log
from providers.common.json_types import JsonObject
from providers.events import EndedReason

log = call_log(__name__)


class LiveControl:
    """Executes the commands of one conversation."""

    def __init__(self, engine: PipelineControl) -> None:
        self._engine = engine

    async def follow(self, given: asyncio.Queue[JsonObject]) -> None:
        """Execute commands in their order, for as long as the call lasts."""
        while True:
            command = await given.get()
            try:
                await self.execute(command)
            except Exception:  # a failed command must not end the conversation
                log.exception("the command %s failed", command.get("type"))

    async def execute(self, command: JsonObject) -> None:
        """Execute one command. An unknown one was stored by a newer version, and does nothing."""
        kind = str(command.get("control" if command.get("type") == "control" else "type"))
        carry_out = TABLE.get(kind)
        if carry_out is None:
            log.warning("unknown command %s", kind)
        else:
            await carry_out(self, command)

    async def say(self, command: JsonObject) -> None:
        if command.get("interruptAssistantEnabled"):
            await self._engine.interrupt()
        text, interruptible = str(command["content"]), command.get("interruptionsEnabled")
        if command.get("endCallAfterSpoken"):
            if interruptible is False:
                self._engine.caller_mute.texts += 1  # the last text: it is never released
            await self._engine.finish(EndedReason.ASSISTANT_ENDED_CALL, text)
        elif interruptible is False:
            await self._engine.say_uninterrupted(text)
        else:
            await self._engine.say(text)

    async def add_message(self, command: JsonObject) -> None:
        message = command["message"]
        respond = command.get("triggerResponseEnabled") is not False
        await self._engine.add(str(message["role"]), str(message["content"]), respond=respond)

    async def mute_assistant(self, _: JsonObject) -> None:
        self._engine.output.muted = True

    async def unmute_assistant(self, _: JsonObject) -> None:
        self._engine.output.muted = False

    async def mute_customer(self, _: JsonObject) -> None:
        self._engine.input.muted = True

    async def unmute_customer(self, _: JsonObject) -> None:
        self._engine.input.muted = False

    async def say_first_message(self, _: JsonObject) -> None:
        """Speak the first message if there is one, else ask the model."""
        plan = self._engine.config
        if plan.first is FirstMessageMode.GENERATE or not plan.first_message:
            await self._engine.respond()
        else:
            await self._engine.say(plan.first_message)

    async def leave_message(self, _: JsonObject) -> None:
        """Leave the voicemail message.

        The greeting must not interrupt it, and earlier speech is dropped.
        """
        self._engine.input.muted = True
        self._engine.caller_mute.begin()
        await self._engine.interrupt()
        await self._engine.finish(EndedReason.VOICEMAIL, self._engine.config.voicemail_message)


# By ``type``, or by ``control`` where the type is ``control``.
TABLE: Mapping[str, Callable[[LiveControl, JsonObject], Awaitable[None]]] = {
    "say": LiveControl.say,
    "add-message": LiveControl.add_message,
    "mute-assistant": LiveControl.mute_assistant,
    "unmute-assistant": LiveControl.unmute_assistant,
    "mute-customer": LiveControl.mute_customer,
    "unmute-customer": LiveControl.unmute_customer,
    "say-first-message": LiveControl.say_first_message,
    "voicemail": LiveControl.leave_message,
}
