"""The function of a handoff as the model sees it: name, description and parameters. Pure.

https://docs.vapi.ai/api-reference/tools/create (handoff)
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from app.domain.assistant import squad
from app.domain.assistant.fields import Json, object_of, text_of
from providers.common.json_types import JsonObject

LONGEST = 64
"""Characters of a function's name."""
PLAIN = re.compile(r"[^a-zA-Z0-9_-]+", re.ASCII)


def name_of(place: JsonObject) -> str:
    """What the model calls a destination."""
    kind = place.get("type")
    if kind == squad.DYNAMIC:
        return squad.DYNAMIC
    if kind == squad.SQUAD:
        named = text_of(place, "entryAssistantName") or text_of(object_of(place, "squad"), "name")
        return named or text_of(place, "squadId") or squad.SQUAD
    own = text_of(object_of(place, "assistant"), "name")
    return text_of(place, "assistantName") or text_of(place, "assistantId") or own


def handoff_name(places: Sequence[Json]) -> str:
    """``handoff_to_`` and the name of the first destination, in letters that vendors take."""
    first = name_of(places[0]) if places else squad.DYNAMIC
    return f"handoff_to_{PLAIN.sub('_', first).strip('_')}"[:LONGEST].rstrip("_")


def handoff_description(name: str, places: Sequence[Json]) -> str:
    """Vapi's description: when to call it, and each destination."""
    listed = "".join(
        f"\n{number}. {name_of(place)}{_when(place)}" for number, place in enumerate(places, 1)
    )
    return (
        "Use this function to handoff the call to the next assistant.\n"
        f"Only use it when instructions explicitly ask you to use the {name} function.\n"
        "DO NOT call this function unless you are instructed to do so.\n"
        f"Here are the destinations you can handoff the call to:{listed}"
    )


def handoff_schema(places: Sequence[Json]) -> JsonObject:
    """One parameter: which of the destinations."""
    names = [name_of(place) for place in places]
    about = ", ".join(
        f"{each} ({text})" if (text := text_of(place, "description")) else each
        for each, place in zip(names, places, strict=True)
    )
    wanted = {"type": "string", "description": f"Options: {about}", "enum": names}
    return {"type": "object", "properties": {"destination": wanted}, "required": ["destination"]}


def _when(place: Json) -> str:
    text = text_of(place, "description")
    return f". When: {text}" if text else ""
