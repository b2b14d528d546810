"""A carrier's webhook: the request, its URL's purpose, and the verified report."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from providers.events import CallEvent


@dataclass(frozen=True, slots=True)
class WebhookRequest:
    """One HTTP request of a carrier, as received.

    ``url`` is PUBLIC_URL + the raw request target, which the carrier signed; never the Host header.
    ``headers`` are (lower-case name, value) in order, with repeated ones.
    """

    method: str
    url: str
    headers: Sequence[tuple[str, str]]
    body: bytes
    received_at: datetime
    parsed: dict[str, Any] = field(init=False, default_factory=dict, compare=False, repr=False)
    """What the carrier's parts have parsed of it, by name: several of them read the same."""

    def header(self, name: str) -> str | None:
        """The value of a header; None when absent, ``""`` when repeated (never trusted)."""
        if "headers" not in self.parsed:
            values = self.parsed["headers"] = dict(self.headers)
            if len(values) != len(self.headers):
                times = Counter(key for key, _ in self.headers)
                values.update((key, "") for key, count in times.items() if count > 1)
        value: str | None = self.parsed["headers"].get(name)
        return value

    @property
    def query(self) -> str:
        """The raw query string, without ``?``."""
        return self.url.partition("#")[0].partition("?")[2]


class HookKind(StrEnum):
    """The purpose of a carrier's URL. The domain acts on this, not on the path."""

    ARRIVE = "arrive"
    """A leg arrives: create a call for it, and answer with the first document."""
    FETCH = "fetch"
    """The carrier fetches the document of a call that the API created (``call_id``)."""
    STATUS = "status"
    """Status of a phone leg. Without a token the leg's id identifies the call."""
    STREAM = "stream"
    """Status of the media socket (path parameter ``token``)."""
    CONTINUE = "continue"
    """The carrier finished our markup and fetches the next document (``token``)."""
    MACHINE = "machine"
    """Verdict of answering machine detection (``token``)."""
    FORWARD = "forward"
    """Outcome of a forward (``token``); the carrier fetches the next document."""
    OPERATOR = "operator"
    """The leg of a transfer's operator was answered, and asks for its document (``token``)."""
    SPOKE = "spoke"
    """The operator has spoken, and the leg asks for its document (``token``)."""
    BRIEFED = "briefed"
    """The operator has heard that document, and the leg asks for the next one (``token``)."""
    TALKED = "talked"
    """The operator's media socket: its status, and the request for what follows it (``token``)."""
    OPERATOR_STATUS = "operator-status"
    """Status of the operator's leg (``token``)."""
    ROOM = "room"
    """Events of the room where the caller and the operator meet (``token``)."""
    RECORDING = "recording"
    """Status of a recording (``token``)."""
    WAIT = "wait"
    """A leg that waits for a slot asks again: its music is over, or a key was pressed (``token``)."""
    FALLBACK = "fallback"
    """The carrier could not use our first answer, and fetches another document."""


OF_OPERATORS = frozenset(
    {
        HookKind.OPERATOR,
        HookKind.SPOKE,
        HookKind.BRIEFED,
        HookKind.TALKED,
        HookKind.OPERATOR_STATUS,
        HookKind.ROOM,
    }
)
"""About the leg of a transfer's operator, or the room where it meets the caller."""


@dataclass(frozen=True, slots=True)
class Hook:
    """One URL that the carrier calls. ``path`` is a Flask rule below the root."""

    kind: HookKind
    path: str
    methods: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Leg:
    """The phone leg of a webhook. Numbers are E.164 or the carrier's own word."""

    call_ref: str
    """Vapi's ``phoneCallProviderId``: callSid, conversationUuid."""
    leg_ref: str
    """The leg's own id: Twilio's callSid again; Vonage's uuid. Unique per carrier."""
    from_: str | None = None
    to: str | None = None
    inbound: bool | None = None
    """The carrier's own direction, if the webhook has one."""
    api_url: str | None = None
    """The API host of this call, for a carrier with several. The carrier's part has checked it."""
    sip: bool = False
    """Whether the request says that SIP connects the party to the carrier."""


@dataclass(frozen=True, slots=True)
class InboundParams:
    """The parameters in the query of an ARRIVE or FETCH request."""

    assistant_id: str | None = None
    return_url: str | None = None
    """URL that gets the leg after the assistant; not checked yet."""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WebhookReport:
    """A verified webhook, translated.

    ``asks``: the carrier waits for an instruction; else it gets ``Markup.acknowledge()``.
    ``media_leg``: the report concerns the media socket's leg, not the phone's.
    ``unknown``: the carrier's words without a translation (stored raw, logged once, answered 200).
    """

    leg: Leg | None
    events: tuple[CallEvent, ...] = ()
    asks: bool = False
    visit: InboundParams | None = None
    media_leg: bool = False
    unknown: tuple[str, ...] = ()
    pressed: str = ""
    """The keys that the caller pressed while the leg waited (``HookKind.WAIT``)."""
