"""One call of the local assistant: its parts are made, run, and what was said is kept."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from app.assistants.local.config import NO_TRANSCRIBER, First, Plan, plan
from app.assistants.local.failures import ended_reasons
from app.assistants.local.failures.fallback_models import in_turn
from app.assistants.local.live_control import Commands
from app.assistants.local.pipeline import Engine
from app.assistants.local.services import Named, Parts, Stage
from app.assistants.local.templates import values
from app.assistants.local.tools.definitions import Tool, read_tools
from app.assistants.local.tools.execution import MENU_TOOLS, Calling
from app.assistants.local.transcript.conversation import Conversation
from app.assistants.local.transcript.messages import Telling
from app.assistants.local.transcript.spoken_text import Texts
from app.domain.services.media import Seat
from app.media.call_context import Desk
from app.media.stream import Line, now
from app.vendors import llm, stt, tts
from app.vendors.common import llm_spec
from app.vendors.common.account import Keys
from app.vendors.common.errors import NoEngine
from app.vendors.common.tts_part import Custom
from app.vendors.embedded import llm as embedded
from app.vendors.embedded.menu import vocabulary

log = logging.getLogger(__name__)


class Session:
    """From the first word to the last."""

    def __init__(self, seat: Seat, line: Line) -> None:
        self._seat = seat
        self._line = line
        self._plan = plan(seat.assistant, values(seat.assistant, seat.call))
        self.conversation = Conversation(
            [each for each in self._plan.messages if each.get("role") == "system"],
            before=seat.call.get("messages") or (),
            clock=time.time,
        )
        self._telling = Telling(self.conversation)

    async def run(self) -> None:
        """Returns when the call is over, or is to be ended as the line's decision says."""
        try:
            parts = await asyncio.to_thread(
                _parts, self._plan, self._seat, self._line.sample_rate, self._line.desk
            )
        except NoEngine as problem:
            stage = Stage(problem.stage)
            self._line.decide(ended_reasons.unbuildable(stage, problem.provider), str(problem))
            return
        self.engine = Engine(self._line, self._opening_plan(), parts, self.conversation)
        self.engine.changed = self._changed
        Calling(self.engine, self._line.desk, *self._tools()).equip(parts.model)
        following = asyncio.create_task(self._follow_commands())
        began = now()
        try:
            await self.engine.run()
        finally:
            following.cancel()
            self._keep()
            self._spend(parts, now() - began)

    async def _follow_commands(self) -> None:
        await self.engine.ready.wait()
        await Commands(self.engine).follow(self._line.desk.commands)

    def _opening_plan(self) -> Plan:
        """A machine that answered is not greeted: the message is what it gets."""
        machine = self._line.desk.was_given("voicemail")
        return replace(self._plan, first=First.WAIT) if machine else self._plan

    def _tools(self) -> tuple[list[Tool], set[str]]:
        """All of them, and the names of those whose server is asked in the words of the era."""
        if _provider(self._plan.model) == "embedded":
            return MENU_TOOLS, set()
        older = self._plan.model.get("functions") or []
        names = {str(each.get("name")) for each in older if isinstance(each, Mapping)}
        return read_tools(self._seat.assistant), names

    def _changed(self, kind: str, data: dict[str, Any]) -> None:
        if kind in ("said", "tool", "added"):
            self._keep()
        for each, extra in self._telling.of(kind, data):
            self._line.desk.tell(each, extra)

    def _spend(self, parts: Parts, seconds: float) -> None:
        voice = {**self._plan.voice, "provider": parts.named.voice}
        ears = self._plan.transcriber if parts.transcriber else None
        items = self.engine.watch.usage.items(self._plan.model, voice, ears, seconds)
        self._line.desk.spend(list(items))

    def _keep(self) -> None:
        self._line.desk.keep(self.conversation.artifact())


def _parts(plan: Plan, seat: Seat, rate: int, desk: Desk) -> Parts:
    """Raises ``NoEngine``."""
    keys = seat.keys
    voice = tts.choose(plan.voice, keys, desk.fallback_voice)
    custom = Custom(desk.addresses, seat.call)
    model = _model(plan, seat, desk)
    return Parts(
        _ears(plan, keys, rate, model, desk),
        model,
        tts.make_voice(voice, keys, rate, custom=custom),
        Named(
            _provider(plan.transcriber),
            _provider(plan.model),
            _provider(voice),
        ),
        _texts(_provider(voice)),
    )


def _ears(plan: Plan, keys: Keys, rate: int, model: Any, desk: Desk) -> Any:
    """None for a keypad alone. The embedded ones are told what the menu listens for."""
    config = plan.transcriber
    if config == NO_TRANSCRIBER:
        return None
    if _provider(config) == "embedded" and isinstance(model, embedded.EmbeddedModel):
        config = {"words": vocabulary(model.menu), **config}
    return stt.make_transcriber(config, keys, rate, desk.addresses)


def _texts(voice: str) -> Texts:
    if tts.has_word_times(voice):
        return Texts.WORDS
    return Texts.AHEAD if tts.is_asked_ahead(voice) else Texts.BEHIND


def _model(plan: Plan, seat: Seat, desk: Desk) -> Any:
    """The assistant's models that can be built, as one. Raises ``NoEngine`` of the first."""
    if _provider(plan.model) == "embedded":
        return embedded.make(plan.model, guessed=_provider(plan.transcriber) == "embedded")
    made, problems = list[Any](), list[NoEngine]()
    for config in llm_spec.candidates(plan.model):
        try:
            made.append(llm.make_model(config, seat.keys, seat.call, desk.addresses))
        except NoEngine as problem:
            problems.append(problem)
    if made:
        return in_turn(made)
    raise problems[0] if problems else NoEngine("model", "", "model.provider is missing")


def _provider(config: Mapping[str, Any]) -> str:
    return str(config.get("provider") or "")
