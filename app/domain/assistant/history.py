"""What the next assistant of a call knows of the conversation before it. Pure.

Vapi has two ways to say it: ``contextEngineeringPlan`` of a handoff, and ``transferMode`` of the
older destinations. https://docs.vapi.ai/squads/handoff
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import takewhile

from app.domain.assistant.fields import Json, count_of, object_of, text_of
from providers.common.json_types import JsonDict, JsonObject

SPOKEN = frozenset({"user", "bot", "supervisor"})
OF_TOOLS = frozenset({"tool_calls", "tool_call_result"})
SYSTEM = "system"
ALL_ROLES = SPOKEN | OF_TOOLS


class Way(StrEnum):
    """How the messages are chosen."""

    ALL = "all"
    """All but the system messages of earlier assistants."""
    ROLLING = "rolling-history"
    """All; the system messages of earlier assistants stand before the new one's."""
    WITHOUT_TRANSFER = "swap-system-message-in-history-and-remove-transfer-tool-messages"
    """``ALL`` without the calls of the tools that handed over."""
    LAST = "lastNMessages"
    SPOKEN = "userAndAssistantMessages"
    PREVIOUS = "previousAssistantMessages"
    """What was said while the assistant before this one talked."""
    NONE = "none"


MODES: Mapping[str, Way] = {
    "rolling-history": Way.ROLLING,
    "swap-system-message-in-history": Way.ALL,
    "swap-system-message-in-history-and-remove-transfer-tool-messages": Way.WITHOUT_TRANSFER,
    "delete-history": Way.NONE,
}
"""``transferMode`` -> the way."""
PLANS: Mapping[str, Way] = {
    way.value: way for way in (Way.ALL, Way.LAST, Way.SPOKEN, Way.PREVIOUS, Way.NONE)
}
"""``type`` of a ``contextEngineeringPlan`` -> the way."""


OF_WAY: Mapping[Way, frozenset[str]] = {
    Way.ALL: ALL_ROLES,
    Way.ROLLING: ALL_ROLES,
    Way.WITHOUT_TRANSFER: ALL_ROLES,
    Way.LAST: SPOKEN,
    Way.SPOKEN: SPOKEN,
    Way.PREVIOUS: ALL_ROLES,
    Way.NONE: frozenset(),
}
"""The roles that each keeps."""
WITH_HINTS = frozenset({Way.ALL, Way.ROLLING, Way.WITHOUT_TRANSFER, Way.PREVIOUS})
"""Those that keep what live control and hooks added as system messages."""


@dataclass(frozen=True, slots=True)
class History:
    """The messages that an assistant knows: some of those before it, and all since.

    ``kept`` has their places in the call's ``messages``. ``since`` is the first place of its own,
    where its prompt is. ``prompts``: the places of the prompts before.
    """

    kept: tuple[int, ...] = ()
    since: int = 0
    prompts: tuple[int, ...] = ()

    def seen(self, count: int) -> tuple[int, ...]:
        """The places of all that it knows, of so many messages."""
        return (*self.kept, *range(self.since, count))

    def dump(self) -> JsonDict:
        """As JSON, for the call's row."""
        return {"kept": _spans(self.kept), "since": self.since, "prompts": _spans(self.prompts)}


def load(stored: JsonObject) -> History:
    """The history of a call's row. An empty one: the first assistant's, who knows all."""
    kept, prompts = _places(stored.get("kept")), _places(stored.get("prompts"))
    return History(kept, stored.get("since") or 0, prompts)


def following(
    before: History, messages: Sequence[JsonObject], destination: Json, handed_by: str = ""
) -> History:
    """The history of the assistant that ``messages`` are handed to now.

    ``before``: of the assistant that hands over. ``handed_by``: the id of its tool call.
    """
    way, count = way_of(destination), len(messages)
    own = takewhile(lambda place: messages[place]["role"] == SYSTEM, range(before.since, count))
    prompts = (*before.prompts, *own)
    seen = () if way is Way.NONE else before.seen(count)
    if way is Way.PREVIOUS:
        seen = tuple(place for place in seen if place >= before.since)
    wanted = OF_WAY[way] | ({SYSTEM} if way in WITH_HINTS else frozenset())
    found = [
        place
        for place in seen
        if messages[place]["role"] in wanted
        and (way is Way.ROLLING or place not in prompts)
        and not (way is Way.WITHOUT_TRANSFER and _is_of(messages[place], handed_by))
    ]
    if way is Way.LAST:
        most = count_of(object_of(destination, "contextEngineeringPlan"), "maxMessages", 0)
        found = found[-most:] if most else []
    return History(tuple(found), count, prompts)


def way_of(destination: Json) -> Way:
    """The plan of a destination; of one without a plan all is kept, as at Vapi."""
    plan = text_of(object_of(destination, "contextEngineeringPlan"), "type")
    mode = text_of(destination, "transferMode")
    if plan or is_handoff(destination):
        return PLANS.get(plan, Way.ALL)
    return MODES.get(mode, Way.ROLLING)


NEWER = ("contextEngineeringPlan", "assistantId", "assistant", "assistantOverrides")
"""Fields of a handoff's destination alone."""
OLDER = ("message", "transferMode")
"""Fields of the older destination alone."""


def is_handoff(destination: Json) -> bool:
    """Whether a destination is a handoff's. One that may be both is of the older form."""
    if any(name in destination for name in OLDER):
        return False
    newer = (*NEWER, "variableExtractionPlan")
    return destination.get("type") != "assistant" or any(name in destination for name in newer)


def _is_of(message: JsonObject, handed_by: str) -> bool:
    """Whether it is the tool call that handed over, or its result."""
    ids = [message.get("toolCallId"), *(call.get("id") for call in message.get("toolCalls") or ())]
    return bool(handed_by) and handed_by in ids


def _spans(places: Sequence[int]) -> list[list[int]]:
    """The places as spans, each with its first place and the one behind its last."""
    found = list[list[int]]()
    for place in places:
        if found and found[-1][1] == place:
            found[-1][1] = place + 1
        else:
            found.append([place, place + 1])
    return found


def _places(spans: Iterable[Sequence[int]] | None) -> tuple[int, ...]:
    return tuple(place for first, end in spans or () for place in range(first, end))
