"""The column ``resolved``: the call's resources as they were at its creation, and later findings.

Only this file knows the column's keys. It keeps a key that it does not know, because another
version of Patchbay wrote that key.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from itertools import compress
from operator import ne
from typing import NamedTuple

from app.domain.assistant.config import AssistantConfig
from providers.common.json_types import NOTHING, JsonDict, JsonObject
from providers.events import EndedReason

NEW: JsonObject = {
    "assistant": {},
    "customer": {},
    "phoneNumber": {},
    "number": None,
    "accountRef": None,
}
"""Keys that every call has from its creation, even if their values are empty."""
NO_ASSISTANT = AssistantConfig({})


@dataclass(frozen=True, slots=True)
class CallServer:
    """The server that gets the call's messages. The column ``secret`` has its secrets, sealed."""

    url: str
    policy: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PendingForward:
    """The last forward that the call was given."""

    id: str
    destination: JsonObject
    message: str | None
    """What the caller hears before the forward."""
    reason: EndedReason
    """The ended reason of a call that this forward ends."""
    back: bool
    """Whether the caller goes back to the assistant after a failure."""
    briefing: str | None = None
    """What the operator hears before the caller, or gets in a SIP header."""


class MonitorEndpoint(NamedTuple):
    """The Unix socket where other processes of the machine listen to a process's calls."""

    host: str
    path: str


class CallFacts(NamedTuple):
    """The column ``resolved``, typed. Use ``_replace`` to change it."""

    assistant: AssistantConfig = NO_ASSISTANT
    """The assistant without its secrets, with the overrides applied."""
    customer: JsonObject = NOTHING
    phone_number: JsonObject = NOTHING
    """The phone number as server messages show it."""
    number: str | None = None
    """Our number, in E.164 format."""
    account_ref: str | None = None
    """The carrier's id of the account."""
    key_id: str | None = None
    """The API key that created the call."""
    server: CallServer | None = None
    recorded: bool = False
    """Whether the carrier records the leg."""
    taped: bool = False
    """Whether Patchbay records both sides of the media stream."""
    leg_ref: str | None = None
    """The carrier's id of the call's own phone leg."""
    media_leg_ref: str | None = None
    """The carrier's id of the leg to our media socket, if the carrier has such a leg."""
    api_url: str | None = None
    """The base URL of the API that knows the leg, if the carrier has several."""
    asking_since: datetime | None = None
    """Since when the server is asked for the assistant; None when no request is pending."""
    heard_at: MonitorEndpoint | None = None
    """The monitor endpoint of the process that has the newest media socket."""
    forward: PendingForward | None = None
    spoken: str | None = None
    """The text that the server sent for the caller instead of an assistant."""
    spoken_language: str = ""
    """The language of ``spoken``. Empty: the carrier's default."""
    awaits: tuple[str, ...] = ()
    """The names of the parts that the end-of-call report waits for."""
    recordings: Mapping[str, str] = {}
    """The ids of the recordings that the Call shows, by kind."""
    due_at: datetime | None = None
    """When the time of a scheduled call came."""
    analysis_attempts: int = 0
    """The number of requests to the model for the analysis."""
    squad: JsonObject = NOTHING
    """The squad without its secrets, with the request's overrides in ``membersOverrides``."""
    active_id: str | None = None
    """The id of the stored assistant that talks now, where it is not the call's own."""
    history: JsonObject = NOTHING
    """What the assistant that talks now knows of the conversation before it (``History``)."""
    upstreams: tuple[str, ...] = ()
    """The ids of its calls at an upstream, one for each media socket."""
    sip_leg: bool = False
    """Whether the caller's leg comes to the carrier by SIP, as far as a webhook has said."""
    taken_over: bool = False
    """Whether a supervisor has the call, and the assistant is silent."""


def load_facts(stored: JsonObject) -> CallFacts:
    asking, heard_at = stored.get("asking"), stored.get("heardAt")
    server, forward = stored.get("server"), stored.get("forward")
    due_at = stored.get("dueAt")
    return CallFacts(
        assistant=AssistantConfig(stored.get("assistant") or {}),
        customer=stored.get("customer") or {},
        phone_number=stored.get("phoneNumber") or {},
        number=stored.get("number"),
        account_ref=stored.get("accountRef"),
        key_id=stored.get("keyId"),
        server=CallServer(server["url"], server.get("policy") or {}) if server else None,
        recorded=bool(stored.get("recorded")),
        taped=bool(stored.get("taped")),
        leg_ref=stored.get("legRef"),
        media_leg_ref=stored.get("mediaLegRef"),
        api_url=stored.get("apiUrl"),
        asking_since=datetime.fromisoformat(asking) if asking else None,
        heard_at=MonitorEndpoint(heard_at["host"], heard_at["path"]) if heard_at else None,
        forward=_forward(forward) if forward else None,
        spoken=stored.get("spoken"),
        spoken_language=stored.get("spokenLanguage") or "",
        awaits=tuple(stored.get("awaits") or ()),
        recordings=stored.get("recordings") or {},
        due_at=datetime.fromisoformat(due_at) if due_at else None,
        analysis_attempts=(stored.get("analysis") or {}).get("attempts", 0),
        squad=stored.get("squad") or {},
        active_id=stored.get("activeId"),
        history=stored.get("history") or {},
        upstreams=tuple(stored.get("upstreams") or ()),
        sip_leg=bool(stored.get("sipLeg")),
        taken_over=bool(stored.get("takenOver")),
    )


def dump_facts(facts: CallFacts, stored: JsonObject = NEW) -> JsonDict:
    """The column's new value: ``stored``, its value as read, and the changes. None removes a key."""
    before, now = _OF_NEW if stored is NEW else _columns(load_facts(stored)), _columns(facts)
    changed = dict(compress(now.items(), map(ne, now.values(), before.values())))
    kept = {**stored, **changed}
    if None in changed.values():
        return {
            key: value for key, value in kept.items() if value is not None or key not in changed
        }
    return kept


def _columns(facts: CallFacts) -> JsonDict:
    """Every key that this version knows, in the order in which new keys are stored."""
    server, asking = facts.server, facts.asking_since
    return {
        "assistant": facts.assistant.json,
        "customer": facts.customer,
        "phoneNumber": facts.phone_number,
        "number": facts.number,
        "accountRef": facts.account_ref,
        "keyId": facts.key_id,
        "server": _server_json(server) if server else None,
        "recorded": facts.recorded,
        "taped": facts.taped,
        "legRef": facts.leg_ref,
        "mediaLegRef": facts.media_leg_ref,
        "apiUrl": facts.api_url,
        "asking": asking.isoformat() if asking else None,
        "heardAt": facts.heard_at._asdict() if facts.heard_at else None,
        "forward": _forward_json(facts.forward) if facts.forward else None,
        "spoken": facts.spoken,
        "spokenLanguage": facts.spoken_language or None,
        "awaits": list(facts.awaits),
        "recordings": dict(facts.recordings),
        "dueAt": facts.due_at.isoformat() if facts.due_at else None,
        "analysis": {"attempts": facts.analysis_attempts},
        "squad": dict(facts.squad) or None,
        "activeId": facts.active_id,
        "history": dict(facts.history) or None,
        "upstreams": list(facts.upstreams) or None,
        "sipLeg": facts.sip_leg or None,
        "takenOver": facts.taken_over or None,
    }


_OF_NEW = _columns(load_facts(NEW))


def _forward(stored: JsonObject) -> PendingForward:
    return PendingForward(
        id=stored["id"],
        destination=stored["destination"],
        message=stored["message"],
        reason=EndedReason(stored["reason"]),
        back=stored["back"],
        briefing=stored.get("briefing"),
    )


def _forward_json(forward: PendingForward) -> JsonDict:
    return {
        "id": forward.id,
        "destination": dict(forward.destination),
        "message": forward.message,
        "reason": forward.reason,
        "back": forward.back,
        **({"briefing": forward.briefing} if forward.briefing else {}),
    }


def _server_json(server: CallServer) -> JsonDict:
    return {"url": server.url, **({"policy": dict(server.policy)} if server.policy else {})}
