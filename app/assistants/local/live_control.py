"""Carries out commands from outside the pipeline: live control, and a carrier's voicemail verdict.

https://docs.vapi.ai/calls/call-features
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from app.assistants.local.control import PipelineControl
from app.assistants.local.squad.handoff import Handoff
from app.domain.assistant.conversation import FirstMessageMode
from app.domain.assistant.words import words_of
from app.domain.legs.handoff import NoHandoff
from app.domain.live.control import SPEAKING
from app.telemetry.call_log import call_log
from providers.common.json_types import JsonObject
from providers.events import EndedReason

log = call_log(__name__)


class LiveControl:
    """Executes the commands of one conversation."""

    def __init__(self, engine: PipelineControl) -> None:
        # Another one once the call was handed over.
        self.engine = engine

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
        elif self.engine.hold.held and kind in NOT_WHILE_HELD:
            log.warning("%s is dropped: a supervisor has the call", kind)
        else:
            await carry_out(self, command)

    async def say(self, command: JsonObject) -> None:
        if command.get("interruptAssistantEnabled"):
            await self.engine.interrupt()
        text, interruptible = str(command["content"]), command.get("interruptionsEnabled")
        if command.get("endCallAfterSpoken"):
            if interruptible is False:
                self.engine.caller_mute.texts += 1  # the last text: it is never released
            await self.engine.finish(EndedReason.ASSISTANT_ENDED_CALL, text)
        elif interruptible is False:
            await self.engine.say_uninterrupted(text)
        else:
            await self.engine.say(text)

    async def add_message(self, command: JsonObject) -> None:
        message = command["message"]
        respond = command.get("triggerResponseEnabled") is not False
        await self.engine.add(str(message["role"]), str(message["content"]), respond=respond)

    async def mute_assistant(self, _: JsonObject) -> None:
        self.engine.output.muted = True

    async def unmute_assistant(self, _: JsonObject) -> None:
        self.engine.output.muted = False

    async def mute_customer(self, _: JsonObject) -> None:
        self.engine.input.muted = True

    async def unmute_customer(self, _: JsonObject) -> None:
        self.engine.input.muted = False

    async def say_first_message(self, _: JsonObject) -> None:
        """Speak the first message if there is one, else ask the model."""
        plan = self.engine.config
        if plan.first is FirstMessageMode.GENERATE or not plan.first_message:
            await self.engine.respond()
        else:
            await self.engine.say(plan.first_message)

    async def hand_over(self, command: JsonObject) -> None:
        """Hand the call to another assistant, in silence or behind the destination's message."""
        destination = command["destination"]
        asked = Handoff(destination, words_of(destination.get("message")) or "")
        try:
            await self.engine.hand_over(asked)
        except NoHandoff as problem:
            log.warning("a handoff by live control failed: %s", problem)

    async def leave_message(self, _: JsonObject) -> None:
        """Leave the voicemail message.

        The greeting must not interrupt it, and earlier speech is dropped.
        """
        self.engine.input.muted = True
        self.engine.caller_mute.begin()
        await self.engine.interrupt()
        await self.engine.finish(EndedReason.VOICEMAIL, self.engine.config.words_for_voicemail)


# The API refuses them, but may have stored one before. It would say nothing, or end the call.
NOT_WHILE_HELD = SPEAKING | {"voicemail"}
# By ``type``, or by ``control`` where the type is ``control``.
TABLE: Mapping[str, Callable[[LiveControl, JsonObject], Awaitable[None]]] = {
    "say": LiveControl.say,
    "add-message": LiveControl.add_message,
    "mute-assistant": LiveControl.mute_assistant,
    "unmute-assistant": LiveControl.unmute_assistant,
    "mute-customer": LiveControl.mute_customer,
    "unmute-customer": LiveControl.unmute_customer,
    "say-first-message": LiveControl.say_first_message,
    "handoff": LiveControl.hand_over,
    "voicemail": LiveControl.leave_message,
}
