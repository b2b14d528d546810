"""What a call's ids meant when it was made, and what was found out since: the column ``resolved``.

This is the only file that knows the column's keys. A key that it does not know was written by
another version: it stays as it is.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime

from app.domain.assistant.config import AssistantConfig
from providers.common.json_types import JsonDict, JsonObject
from providers.events import EndedReason

NEW: JsonObject = {
    "assistant": {},
    "customer": {},
    "phoneNumber": {},
    "number": None,
    "accountRef": None,
}
"""Keys that every call has from its creation, though there may be nothing to say."""


@dataclass(frozen=True, slots=True)
class CallServer:
    """Where the call's messages go. Its secrets are sealed in the column ``secret``."""

    url: str
    policy: JsonObject = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PendingForward:
    """The last forward that was decided."""

    id: str
    destination: JsonObject
    message: str | None
    """Spoken first."""
    reason: EndedReason
    """Why the call ends by it."""
    back: bool
    """After a failure the caller goes back to the assistant."""


@dataclass(frozen=True, slots=True)
class MonitorEndpoint:
    """Where a process lets the others of its machine hear its calls: a Unix socket."""

    host: str
    path: str


@dataclass(frozen=True, slots=True)
class CallFacts:
    """The column ``resolved``, typed. ``dataclasses.replace`` makes a changed one."""

    assistant: AssistantConfig = field(default_factory=lambda: AssistantConfig({}))
    """Without its secrets, overrides applied."""
    customer: JsonObject = field(default_factory=dict)
    phone_number: JsonObject = field(default_factory=dict)
    """As server messages show it."""
    number: str | None = None
    """Ours, E.164."""
    account_ref: str | None = None
    """The carrier's id of the account."""
    server: CallServer | None = None
    recorded: bool = False
    """The carrier is to record the leg."""
    taped: bool = False
    """We are to record what the assistant hears and says."""
    leg_ref: str | None = None
    """The carrier's id of the call's own phone leg."""
    media_leg_ref: str | None = None
    """The carrier's id of the leg to our media socket, where that is one."""
    api_url: str | None = None
    """The carrier's API that knows the leg, where it has several."""
    asking_since: datetime | None = None
    """The server is being asked for the assistant."""
    heard_at: MonitorEndpoint | None = None
    """The process of the media socket that joined last."""
    forward: PendingForward | None = None
    spoken: str | None = None
    """What the server wants the caller to hear, in the place of an assistant."""
    awaits: tuple[str, ...] = ()
    """Names of what the end-of-call report waits for."""
    recordings: Mapping[str, str] = field(default_factory=dict)
    """Kind -> id of the recording that the call shows."""
    analysis_attempts: int = 0
    """How often the model was asked for the analysis."""
    stored: JsonObject = field(default_factory=lambda: NEW, repr=False, compare=False)
    """The column as it was read."""


def load_facts(stored: JsonObject) -> CallFacts:
    asking, heard_at = stored.get("asking"), stored.get("heardAt")
    server, forward = stored.get("server"), stored.get("forward")
    return CallFacts(
        assistant=AssistantConfig(stored.get("assistant") or {}),
        customer=stored.get("customer") or {},
        phone_number=stored.get("phoneNumber") or {},
        number=stored.get("number"),
        account_ref=stored.get("accountRef"),
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
        awaits=tuple(stored.get("awaits") or ()),
        recordings=stored.get("recordings") or {},
        analysis_attempts=(stored.get("analysis") or {}).get("attempts", 0),
        stored=stored,
    )


def dump_facts(facts: CallFacts) -> JsonDict:
    """The column: as it was read, but for what has changed. None takes a key away."""
    before, now = _columns(load_facts(facts.stored)), _columns(facts)
    changed = {key: value for key, value in now.items() if value != before[key]}
    kept = {**facts.stored, **changed}
    return {key: value for key, value in kept.items() if value is not None or key not in changed}


def _columns(facts: CallFacts) -> JsonDict:
    """Every key we know; new keys are stored in this order."""
    server, asking = facts.server, facts.asking_since
    return {
        "assistant": facts.assistant.json,
        "customer": facts.customer,
        "phoneNumber": facts.phone_number,
        "number": facts.number,
        "accountRef": facts.account_ref,
        "server": _server_json(server) if server else None,
        "recorded": facts.recorded,
        "taped": facts.taped,
        "legRef": facts.leg_ref,
        "mediaLegRef": facts.media_leg_ref,
        "apiUrl": facts.api_url,
        "asking": asking.isoformat() if asking else None,
        "heardAt": asdict(facts.heard_at) if facts.heard_at else None,
        "forward": _forward_json(facts.forward) if facts.forward else None,
        "spoken": facts.spoken,
        "awaits": list(facts.awaits),
        "recordings": dict(facts.recordings),
        "analysis": {"attempts": facts.analysis_attempts},
    }


def _forward(stored: JsonObject) -> PendingForward:
    return PendingForward(
        id=stored["id"],
        destination=stored["destination"],
        message=stored["message"],
        reason=EndedReason(stored["reason"]),
        back=stored["back"],
    )


def _forward_json(forward: PendingForward) -> JsonDict:
    return {
        "id": forward.id,
        "destination": dict(forward.destination),
        "message": forward.message,
        "reason": forward.reason,
        "back": forward.back,
    }


def _server_json(server: CallServer) -> JsonDict:
    return {"url": server.url, **({"policy": dict(server.policy)} if server.policy else {})}
