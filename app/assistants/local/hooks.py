"""Carries out an assistant's ``hooks``: what is said, added, called or transferred at a moment.

https://docs.vapi.ai/assistants/assistant-hooks
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence

from app.assistants.local.control import PipelineControl
from app.domain.assistant.fields import Json, object_of, objects_of, text_of
from app.domain.assistant.hooks import Hook, Moment
from app.domain.assistant.liquid.text import fill
from app.domain.assistant.rendering import place_filled
from app.domain.assistant.words import words_of
from app.media.call_context import CallContext
from app.telemetry.call_log import call_log
from providers.common.json_types import NOTHING, JsonObject

log = call_log(__name__)

# The longest that a call waits at its end for the actions of its hooks.
ENDING_SECONDS = 10.0
TRANSFER = "transferCall"
# Runs a tool of the client's JSON.
RunTool = Callable[[JsonObject], Awaitable[None]]


class HookRunner:
    """Runs the hooks of one conversation."""

    def __init__(
        self, hooks: Sequence[Hook], call_context: CallContext, values: JsonObject = NOTHING
    ) -> None:
        self._hooks = hooks
        self._call_context = call_context
        # Of templates. Those of the conversation take their place, and tools add to them.
        self.values = values
        # Set once the pipeline is built. Without one only a transfer is possible.
        self.engine: PipelineControl | None = None
        self.run_tool: RunTool | None = None
        # How often each hook of a silent caller may still trigger.
        self._left = [hook.count for hook in hooks]

    async def trigger(self, moment: Moment) -> None:
        """Carry out every hook of this moment."""
        for hook in self._hooks:
            if hook.moment is moment:
                await self._act(hook)

    async def ending(self, reason: str) -> bool:
        """Carry out the hooks of the end, within a bound. True: the caller is transferred."""
        try:
            async with asyncio.timeout(ENDING_SECONDS):
                due = [
                    h for h in self._hooks if h.moment is Moment.CALL_ENDING and h.is_for(reason)
                ]
                return any([await self._act(hook) for hook in due])
        except TimeoutError:
            log.warning("the hooks of call.ending took longer than %s s", ENDING_SECONDS)
            return False

    def caller_spoke(self) -> None:
        """Count anew where the hook says so."""
        for number, hook in enumerate(self._hooks):
            if hook.starts_again:
                self._left[number] = hook.count

    def timed_tasks(self) -> list[Coroutine[None, None, None]]:
        """The coroutines to run until the call is over."""
        watch = {
            Moment.CUSTOMER_SILENT: self._watch_silence,
            Moment.TIME_ELAPSED: self._watch_time,
        }
        timed = [(number, watch.get(hook.moment)) for number, hook in enumerate(self._hooks)]
        return [watching(number) for number, watching in timed if watching is not None]

    async def _watch_time(self, number: int) -> None:
        """Trigger once. What was due before this assistant or socket has triggered already."""
        if self.engine is None:
            return
        left = self._hooks[number].seconds - self.engine.conversation.seconds
        if left > 0:
            await asyncio.sleep(left)
            await self._act(self._hooks[number])

    async def _watch_silence(self, number: int) -> None:
        engine, hook = self.engine, self._hooks[number]
        while engine is not None:
            await engine.observer.quiet(hook.seconds)
            if self._left[number] > 0:
                self._left[number] -= 1
                await self._act(hook)
                await asyncio.sleep(hook.seconds)
            elif hook.starts_again:
                await engine.observer.sound()
            else:
                return

    async def _act(self, hook: Hook) -> bool:
        """Carry out the hook's actions in order. True: one of them transfers the caller."""
        for action in hook.actions:
            try:
                if await ACTIONS[text_of(action, "type")](self, action):
                    return True
            except Exception:  # a failed action must not end the conversation
                log.exception("the hook %s failed", hook.moment.value)
        return False

    # -- actions; True: the caller is transferred

    async def say(self, action: Json) -> bool:
        if self.engine is None:
            return False
        text = fill(_one(action.get("exact")), self.values)
        if text:
            await self.engine.say(text)
            return False
        prompt = action.get("prompt")
        told = [{"role": "system", "content": prompt}] if isinstance(prompt, str) else None
        messages: Sequence[Json] = told or objects_of(action, "prompt")
        for number, each in enumerate(messages, start=1):
            await self._add(each, respond=number == len(messages))
        return False

    async def add(self, action: Json) -> bool:
        respond = action.get("triggerResponseEnabled") is not False
        await self._add(object_of(action, "message"), respond=respond)
        return False

    async def _add(self, message: Json, *, respond: bool) -> None:
        if self.engine is not None and text_of(message, "content"):
            text = fill(text_of(message, "content"), self.values)
            await self.engine.add(text_of(message, "role") or "system", text, respond=respond)

    async def tool(self, action: Json) -> bool:
        given = object_of(action, "tool")
        if not given:
            log.warning("a hook's tool %s does not exist any more", action.get("toolId"))
            return False
        places = objects_of(given, "destinations")
        if given.get("type") == TRANSFER and places:
            return await self._transfer(places[0])
        return await self.function(given)

    async def function(self, action: Json) -> bool:
        if self.run_tool is None:
            log.warning("a hook's tool needs a conversation, and none began")
        else:
            await self.run_tool(action)
        return False

    async def transfer(self, action: Json) -> bool:
        return await self._transfer(object_of(action, "destination"))

    async def _transfer(self, destination: Json) -> bool:
        place = place_filled(destination, self.values)
        message = words_of(place.get("message"))
        if message and self.engine is not None:
            await self.engine.say_all(message)
        problem = await self._call_context.transfer(place, "")
        if problem:
            log.warning("a hook's transfer failed: %s", problem)
        return problem is None


def _one(texts: object) -> str:
    """The text, or one of the list."""
    if isinstance(texts, list):
        known = [each for each in texts if isinstance(each, str)]
        return secrets.choice(known) if known else ""
    return texts if isinstance(texts, str) else ""


ACTIONS: Mapping[str, Callable[[HookRunner, Json], Awaitable[bool]]] = {
    "say": HookRunner.say,
    "message.add": HookRunner.add,
    "tool": HookRunner.tool,
    "function": HookRunner.function,
    "transfer": HookRunner.transfer,
}
