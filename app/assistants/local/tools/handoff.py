"""The built-in tool that hands the call to another assistant. https://docs.vapi.ai/squads/handoff"""

from __future__ import annotations

from collections.abc import Mapping

from app.assistants.local.squad.handoff import Handoff
from app.assistants.local.tools.definitions import ToolMessageType
from app.assistants.local.tools.handoff_function import name_of
from app.assistants.local.tools.run import Outcome, Run, ToolFailed, answer_of
from app.domain.assistant import squad
from app.domain.assistant.config import server_of
from app.domain.assistant.fields import text_of
from app.domain.legs.handoff import NoHandoff
from providers.common.json_types import JsonObject

REQUEST = "handoff-destination-request"
RESULT = "The call is handed over."


async def hand_over(run: Run) -> Outcome:
    """Speak the tool's words, if it has any, and hand the call over. Raises ``ToolFailed``."""
    started = run.words(ToolMessageType.START)
    words = started.content if started and started.role == "assistant" else ""
    destination, told = await _destination(run)
    result = told or text_of(run.tool.json, "defaultResult") or RESULT
    return await given_to(run, destination, words, result)


async def given_to(run: Run, destination: JsonObject, words: str, result: str) -> Outcome:
    """Hand the call to this destination. Raises ``ToolFailed``."""
    asked = Handoff(destination, words, run.tool.name, run.call_id, result)
    try:
        await run.engine.hand_over(asked)
    except NoHandoff as problem:
        # told: the assistant may do better, and a call must not end by it
        raise ToolFailed(str(problem), told=True) from problem
    return Outcome(result, spoken=True, is_told=True)


async def _destination(run: Run) -> tuple[JsonObject, str]:
    """The destination, and the words of a server about it."""
    wanted, places = run.arguments.get("destination"), run.tool.destinations
    found = next((each for each in places if wanted == name_of(each)), None)
    if found is None and (wanted is None or len(places) == 1) and places:
        found = places[0]  # some models leave out what has one value only
    if found is None:
        if places or wanted not in (None, squad.DYNAMIC):
            raise ToolFailed(f"{wanted} is none of the tool's destinations", told=True)
        return await _from_server(run, {})
    if found.get("type") == squad.DYNAMIC:
        return await _from_server(run, found)
    return found, ""


async def _from_server(run: Run, place: JsonObject) -> tuple[JsonObject, str]:
    """Ask the tool's server, the destination's or the call's. Raises ``ToolFailed``."""
    server = run.tool.server or server_of(place)
    extra = {"parameters": dict(run.arguments)}
    asked = server.asked if server else None
    answer, problem = await answer_of(run, REQUEST, extra, asked)
    if isinstance(answer.get("error"), str) and answer["error"]:
        raise ToolFailed(answer["error"][:1000], told=True)
    found = answer.get("destination")
    if not isinstance(found, Mapping) or found.get("type") == squad.DYNAMIC:
        raise ToolFailed(problem or "the server named no destination")
    return {"type": squad.ASSISTANT, **found}, text_of(answer, "result")
