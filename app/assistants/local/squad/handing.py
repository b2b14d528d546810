"""Hands a call from one assistant to the next, without a pause.

The next one's services are started while the present one still speaks. The change is stored before
it is carried out. Only then the next one hears the caller.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress

from app.assistants.local.squad.extraction import extract
from app.assistants.local.squad.handoff import Handoff
from app.assistants.local.squad.member import Member
from app.assistants.local.transcript.conversation import Conversation
from app.domain.assistant.fields import object_of
from app.domain.assistant.history import following
from app.domain.legs.handoff import NoHandoff, Talk
from app.domain.services.media import StreamClaim
from app.media.call_context import CallContext
from app.vendors.common.errors import UnbuildableAssistant
from providers.common.json_types import JsonDict

Build = Callable[[StreamClaim], Awaitable[Member]]
Artifact = Callable[[], JsonDict]


class Handing:
    """The handoffs of one call. ``switched`` is called once each is stored."""

    def __init__(
        self,
        call_context: CallContext,
        conversation: Conversation,
        build: Build,
        artifact: Artifact,
        switched: Callable[[Member], None],
    ) -> None:
        """``build`` raises ``UnbuildableAssistant``. ``artifact``: the call's fields as of now."""
        self._call_context = call_context
        self._conversation = conversation
        self._build = build
        self._artifact = artifact
        self._switched = switched
        self._busy = False
        self._cleaning = set[asyncio.Task[None]]()

    async def hand_over(self, present: Member, asked: Handoff) -> None:
        """Hand the call over. Raises ``NoHandoff``, and then the present assistant goes on.

        An interruption by the caller cancels it, as long as it is not stored.
        """
        if self._busy or present.engine.ending:
            raise NoHandoff("the call is being handed over already, or ends")
        self._busy = True
        warming = asyncio.create_task(self._warm(present, asked))
        try:
            if asked.words:
                await present.engine.say_uninterrupted(asked.words)
            chosen = await warming
            await present.engine.quiet()
            switch = asyncio.create_task(self._switch(present, chosen, asked))
        except BaseException:
            self._busy = False
            self._let_go(warming)
            raise
        await asyncio.shield(switch)

    def _let_go(self, warming: asyncio.Task[Member]) -> None:
        """End an assistant that does not get the call after all, in a task of its own."""
        warming.cancel()
        task = asyncio.create_task(_dismiss(warming))
        self._cleaning.add(task)
        task.add_done_callback(self._cleaning.discard)

    async def _warm(self, present: Member, asked: Handoff) -> Member:
        """The next assistant, ready to speak."""
        values, plan = present.values, object_of(asked.destination, "variableExtractionPlan")
        if plan:
            found = await extract(self._call_context, self._conversation, plan, values)
            values.update(found)
        claim = await self._call_context.next_assistant(asked.destination, values)
        try:
            made = await self._build(claim)
        except UnbuildableAssistant as problem:
            raise NoHandoff(f"the next assistant cannot talk: {problem}") from problem
        try:
            problem_of_it = await made.engine.warm()
        except BaseException:
            await made.engine.dismiss()
            raise
        if problem_of_it:
            await made.engine.dismiss()
            raise NoHandoff(f"the next assistant cannot talk: {problem_of_it}")
        return made

    async def _switch(self, present: Member, chosen: Member, asked: Handoff) -> None:
        talk = self._conversation
        said: JsonDict | None = None
        if asked.tool_call:
            said = talk.answered(asked.tool, asked.tool_call, asked.result)
        history = following(talk.history, talk.messages, asked.destination, asked.tool_call)
        try:
            stored = Talk(history, self._artifact())
            await self._call_context.hand_over(chosen.claim, stored)
        except NoHandoff:
            if said is not None:
                talk.messages.remove(said)
            await chosen.engine.dismiss()
            raise
        finally:
            self._busy = False
        talk.enter(history, chosen.prompts)
        self._switched(chosen)
        chosen.engine.input.muted = present.engine.input.muted
        chosen.engine.output.muted = present.engine.output.muted
        chosen.engine.begin()
        await present.engine.leave()


async def _dismiss(warming: asyncio.Task[Member]) -> None:
    """End what was warmed. A cancelled one has ended itself."""
    with suppress(asyncio.CancelledError, Exception):
        await (await warming).engine.dismiss()
