"""A squad: its members, each with its overrides, and the assistants that each may hand over to. Pure.

https://docs.vapi.ai/squads
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import Finding
from app.domain.assistant.fields import Json, object_of, objects_of, text_of, without_empty
from app.domain.assistant.served_fields import Fate
from app.domain.overlay import merge
from providers.common.json_types import JsonDict, JsonObject

MOST = 50
"""Members of a squad."""
MEMBERS, OVERRIDES = "members", "membersOverrides"
DESTINATIONS = "assistantDestinations"
"""Of a member. A call's assistant has them under the same name."""
HANDOFF, TRANSFER = "handoff", "transferCall"
ASSISTANT, SQUAD, DYNAMIC = "assistant", "squad", "dynamic"
"""``type`` of a destination that is no phone."""
OTHER_TRANSPORT = (
    "the carrier hears and speaks for all members of a squad, or for none: a media socket carries "
    "text or audio"
)

Find = Callable[[str], AssistantConfig | None]
"""The stored assistant of an id, with its secrets."""


@dataclass(frozen=True, slots=True)
class Member:
    """An assistant as it talks in a squad: with all overrides and its destinations."""

    name: str
    assistant_id: str | None
    assistant: AssistantConfig


def members(squad: Json, find: Find) -> list[Member]:
    """The members in their order. One whose stored assistant is gone is left out."""
    shared = object_of(squad, OVERRIDES)
    found = (_member(each, find, shared) for each in objects_of(squad, MEMBERS)[:MOST])
    return [each for each in found if each is not None]


def _member(given: Json, find: Find, shared: Json) -> Member | None:
    assistant_id = text_of(given, "assistantId") or None
    own = object_of(given, "assistant")
    base = find(assistant_id) if assistant_id else AssistantConfig(own) if own else None
    if base is None:
        return None
    whole = base.with_overrides(object_of(given, "assistantOverrides")).with_overrides(shared)
    places = objects_of(given, DESTINATIONS)
    if places:
        whole = AssistantConfig({**whole.json, DESTINATIONS: places})
    return Member(text_of(whole.json, "name"), assistant_id, whole)


def named(squad: Sequence[Member], name: str) -> Member | None:
    """The first member of this name, or else the first whose name differs in case or spaces."""
    plain = _plain(name)
    exact = (each for each in squad if each.name == name)
    alike = (each for each in squad if plain and _plain(each.name) == plain)
    return next(exact, None) or next(alike, None)


def with_overrides(squad: JsonObject, *overrides: JsonObject | None) -> JsonDict:
    """The squad with a request's overrides merged over those of all its members."""
    shared: JsonDict = dict(object_of(squad, OVERRIDES))
    for each in overrides:
        shared = merge(shared, without_empty(each or {}))
    return {**squad, **({OVERRIDES: shared} if shared else {})}


def destinations(assistant: Json) -> Iterator[tuple[str, Json]]:
    """Every destination of an assistant that is no phone, and its path."""
    for number, place in enumerate(objects_of(assistant, DESTINATIONS)):
        yield f"{DESTINATIONS}.{number}", place
    for number, tool in enumerate(objects_of(object_of(assistant, "model"), "tools")):
        if tool.get("type") in (HANDOFF, TRANSFER):
            for place_number, place in enumerate(objects_of(tool, "destinations")):
                if place.get("type") in (ASSISTANT, SQUAD, DYNAMIC):
                    yield f"model.tools.{number}.destinations.{place_number}", place


def check_names(squad: Json, find: Find) -> Iterator[Finding]:
    """The destinations that name no member, or an assistant that is not stored; and equal names."""
    listed = members(squad, find)
    known = [each.name for each in listed]
    seen = set[str]()
    for number, (given, member) in enumerate(zip(objects_of(squad, MEMBERS), listed, strict=False)):
        path = f"{MEMBERS}.{number}."
        if member.name and _plain(member.name) in seen:
            why = f"another member is named {member.name[:40]!r}: it is handed to that one"
            yield Finding(f"{path}assistant.name", Fate.IGNORED, why)
        seen.add(_plain(member.name))
        own = DESTINATIONS in given
        for where, place in destinations(member.assistant.json):
            if own or not where.startswith(DESTINATIONS):
                yield from _unknown(f"{path}{where}.", place, known, find)


def check_alone(assistant: Json, find: Find) -> Iterator[Finding]:
    """The destinations of an assistant's tools that are not stored.

    A name may be that of a member of the squads that it is in.
    """
    for path, place in destinations(assistant):
        yield from _unknown(f"{path}.", place, None, find)


def _unknown(path: str, place: Json, names: Sequence[str] | None, find: Find) -> Iterator[Finding]:
    """``names``: of the squad's members; None: the squad is not known."""
    name, assistant_id = text_of(place, "assistantName"), text_of(place, "assistantId")
    if assistant_id:
        if find(assistant_id) is None:
            yield Finding(f"{path}assistantId", Fate.REFUSED, f"{assistant_id[:40]} does not exist")
    elif name and names is not None and _plain(name) not in map(_plain, names):
        [*near] = get_close_matches(name, [each for each in names if each], 1, 0.6)
        more = f": is {near[0]!r} meant?" if near else ""
        why = f"no member of the squad is named {name[:40]!r}{more}"
        yield Finding(f"{path}assistantName", Fate.REFUSED, why)
    elif not name and place.get("type") == ASSISTANT and not object_of(place, "assistant"):
        yield Finding(f"{path}assistantName", Fate.REFUSED, "the destination names no assistant")


def _plain(name: str) -> str:
    return " ".join(name.split()).casefold()
