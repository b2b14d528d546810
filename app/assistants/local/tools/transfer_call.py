"""The built-in tool that transfers the call. https://docs.vapi.ai/tools/default-tools"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from app.assistants.local.tools import handoff
from app.assistants.local.tools.definitions import MENU_TOOLS, ToolMessageType
from app.assistants.local.tools.replies import sentence
from app.assistants.local.tools.run import Outcome, Run, ToolFailed, answer_of
from app.domain.assistant import squad
from app.domain.assistant.rendering import filled, place_filled
from app.domain.assistant.words import words_of
from providers.common.json_types import JsonObject

TRANSFERRING = "Transferring the call now."


async def transfer(run: Run) -> Outcome:
    """Speak the words, then connect the leg to the destination. Raises ``ToolFailed``."""
    destination = await _destination(run)
    words = run.words(ToolMessageType.START)
    given = words_of(destination.get("message"))
    default = "" if run.tool in MENU_TOOLS else TRANSFERRING  # a menu has spoken its own words
    text = given if given is not None else (words.content if words else default)
    if destination.get("type") == squad.ASSISTANT:
        return await handoff.given_to(run, destination, text, TRANSFERRING)
    if text:
        await run.engine.say_all(text)
    problem = await run.call_context.transfer(destination, "")
    if problem:
        raise ToolFailed(problem)
    return Outcome("The call is being transferred.", spoken=True)


async def _destination(run: Run) -> JsonObject:
    wanted: Any = run.arguments.get("destination")
    if isinstance(wanted, Mapping) and run.tool in MENU_TOOLS:  # a menu has it whole
        return place_filled(wanted, run.values)
    for place in run.tool.destinations:
        if wanted in (None, place.get("number"), place.get("sipUri"), place.get("assistantName")):
            return place_filled(place, run.values)
    if run.tool.destinations:
        raise ToolFailed(f"{wanted} is none of the tool's destinations")
    return await _from_server(run)


async def _from_server(run: Run) -> JsonObject:
    extra = {"functionCall": {"name": run.tool.name, "parameters": dict(run.arguments)}}
    own = run.tool.server.asked if run.tool.server else None
    answer, problem = await answer_of(run, "transfer-destination-request", extra, own)
    named = answer.get("destination")
    if not isinstance(named, Mapping):
        if answer.get("error"):
            raise ToolFailed(sentence(answer["error"]), told=True)
        raise ToolFailed(problem or "the server named no destination")
    beside = {name: answer[name] for name in ("message",) if answer.get(name) is not None}
    found: JsonObject = filled({**beside, **named}, run.values)
    return found
