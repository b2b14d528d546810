""""""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from urllib.parse import urlsplit

from providers.events import CallEvent


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One HTTP request of a carrier, as it stood on the wire.

    ``url`` is PUBLIC_URL + the raw request target (never rebuilt from Host): what the carrier signed.
    ``headers`` are (lower-case name, value) in order, repeated ones kept.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    received_at: datetime

    def header(self, name: str) -> str | None:
        """The one value of a header; None when absent, ``""`` when it is repeated (never trusted)."""
        values = [value for key, value in self.headers if key == name]
        return None if not values else values[0] if len(values) == 1 else ""

    @property
    def query(self) -> str:
        """The raw query string, without ``?``."""
        return urlsplit(self.url).query


class HookKind(StrEnum):
    """What a carrier's URL is for; the domain acts on this, not on the path."""

    ARRIVE = "arrive"
    """A leg reaches us by itself: make a call of it and say what now."""
    FETCH = "fetch"
    """The document of a call that the API created (path parameter ``call_id``)."""
    STATUS = "status"
    """Progress of a phone leg. Without a token the call is found by the leg's id."""
    STREAM = "stream"
    """Progress of the media socket (path parameter ``token``)."""
    CONTINUE = "continue"
    """The carrier went past our markup and asks what now (``token``)."""
    MACHINE = "machine"
    """Answering machine detection (``token``)."""
    FORWARD = "forward"
    """Outcome of a forward (``token``); the carrier asks what now."""
    RECORDING = "recording"
    """Progress of a recording (``token``)."""
    FALLBACK = "fallback"
    """The carrier could not use our first answer; say what now."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One URL this carrier calls. ``path`` is a Flask rule below the root."""

    kind: HookKind
    path: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """The carrier's phone leg, as a webhook names it. Numbers are E.164 or the carrier's own word."""

    call_ref: str
    """What Vapi stores as ``phoneCallProviderId``: callSid, conversationUuid."""
    leg_ref: str
    """The leg's own id: the same callSid; the leg's uuid. Unique per carrier."""
    from_: str | None = None
    to: str | None = None
    inbound: bool | None = None
    """The carrier's own direction, where it tells one."""
    api_url: str | None = None
    """The carrier's host that owns this call, where it has several. Vetted by the carrier's part."""


@dataclass(frozen=True, slots=True)
class InboundParams:
    """What an ARRIVE or FETCH request asks for in its query, beside the leg itself."""

    assistant_id: str | None = None
    return_url: str | None = None
    """Where the leg goes when the assistant has left; not vetted yet."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    delivery: str | None = None
    """Equal for the carrier's own re-sends of one request, where it tells that."""


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """A verified webhook in our words.

    ``asks``: the carrier waits for an instruction; else it gets ``Carrier.acknowledge()``.
    ``media_leg``: the report is about the media socket's leg, not the phone's.
    ``unknown``: words of the carrier nobody here knows (stored raw, logged once, answered 200).
    """

    leg: Leg | None
    events: tuple[CallEvent, ...] = ()
    asks: bool = False
    visit: InboundParams | None = None
    media_leg: bool = False
    unknown: tuple[str, ...] = ()
