"""One call of the local assistant: its parts are made, run, and what was said is kept."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

from app.assistants.local import endings
from app.assistants.local.calling import Calling
from app.assistants.local.conversation import Conversation
from app.assistants.local.endings import Stage
from app.assistants.local.engine import Engine, Parts
from app.assistants.local.plan import NO_TRANSCRIBER, Plan, plan
from app.assistants.local.telling import Telling
from app.assistants.local.tools import Tool, read_tools
from app.assistants.local.variables import values
from app.assistants.local.vendors import models, transcribers, voices
from app.assistants.local.vendors.access import NoEngine
from app.domain.media import Seat
from app.media.line import Line

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
        )
        self._telling = Telling(self.conversation)

    async def run(self) -> None:
        """Returns when the call is over, or is to be ended as the line's decision says."""
        try:
            parts = await asyncio.to_thread(
                _parts, self._plan, self._seat, self._line.sample_rate, self._desk.addresses
            )
        except NoEngine as problem:
            stage = Stage(problem.stage)
            self._line.decide(endings.unbuildable(stage, problem.provider), str(problem))
            return
        self.engine = Engine(self._line, self._plan, parts, self.conversation)
        self.engine.changed = self._changed
        if self._line.desk is not None:
            tools = Calling(self.engine, self._line.desk, *self._tools())
            tools.equip(parts.model)
        try:
            await self.engine.run()
        finally:
            self._keep()

    def _tools(self) -> tuple[list[Tool], set[str]]:
        """All of them, and the names of those whose server is asked in the words of the era."""
        older = self._seat.assistant.get("model", {}).get("functions") or []
        names = {each.get("name") for each in older if isinstance(each, dict)}
        return read_tools(self._seat.assistant), {name for name in names if name}

    def _changed(self, kind: str, data: dict[str, Any]) -> None:
        if self._line.desk is None:
            return
        if kind in ("said", "tool"):
            self._keep()
        for each, extra in self._telling.of(kind, data):
            self._line.desk.tell(each, extra)

    def _keep(self) -> None:
        if self._line.desk is not None:
            self._line.desk.keep(self.conversation.artifact())


def _parts(plan: Plan, seat: Seat, rate: int, addresses: Addresses, fallback: Config) -> Parts:
    """Raises ``NoEngine``."""
    keys = seat.keys
    deaf = plan.transcriber == NO_TRANSCRIBER
    voice = voices.choose(plan.voice, keys, fallback)
    custom = voices.Custom(addresses, seat.call)
    return Parts(
        None if deaf else transcribers.make_transcriber(plan.transcriber, keys, rate),
        models.make_model(plan.model, keys, seat.call),
        voices.make_voice(voice, keys, rate, custom=custom),
        str(voice["provider"]),
        voices.has_word_times(str(voice["provider"])),
    )
