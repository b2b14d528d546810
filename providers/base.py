"""What a carrier is to the rest of the program: a webhook in, a Report out; an Instruction in, markup out.

Every carrier's folder has the same parts (``config signature markup callbacks client frames
simulator``) and one object that joins them and satisfies ``Provider``. A carrier decides
nothing: what a call is, and what happens next, is ``app/domain``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, BinaryIO, Protocol
from urllib.parse import urlsplit

from providers.events import CallEvent, EndedReason

# ------------------------------------------------------------------ what comes in


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
class Visit:
    """What an ARRIVE or FETCH request asks for in its query, beside the leg itself."""

    assistant_id: str | None = None
    return_url: str | None = None
    """Where the leg goes when the assistant has left; not vetted yet."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    delivery: str | None = None
    """Equal for the carrier's own re-sends of one request, where it tells that."""


@dataclass(frozen=True, slots=True)
class Report:
    """A verified webhook in our words.

    ``asks``: the carrier waits for an instruction; else it gets ``Provider.acknowledge()``.
    ``media_leg``: the report is about the media socket's leg, not the phone's.
    ``unknown``: words of the carrier nobody here knows (stored raw, logged once, answered 200).
    """

    leg: Leg | None
    events: tuple[CallEvent, ...] = ()
    asks: bool = False
    visit: Visit | None = None
    media_leg: bool = False
    unknown: tuple[str, ...] = ()


# ------------------------------------------------------------------ what goes out


@dataclass(frozen=True, slots=True)
class Connect:
    """Put the assistant into the leg. All URLs absolute; the media URL has no query."""

    call_id: str
    media_url: str
    stream_url: str
    """Where the carrier reports on the media socket."""
    continue_url: str
    """Where it asks what now, once the socket is closed. Unused by carriers that ask on ``stream_url``."""
    number: str | None = None
    """Our number, as the label of the media leg where the carrier wants one."""
    recording_url: str | None = None
    """Record the leg from here on, and report on it there. Unused by carriers whose API is asked."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Connect the leg to somebody else."""

    destination: str
    """E.164 number or ``sip:`` URI."""
    outcome_url: str
    caller_id: str | None = None
    extension: str | None = None
    timeout: int = 30
    max_duration: int = 7200
    """Seconds after the answer until the carrier itself ends the forward, at most what it can do."""


@dataclass(frozen=True, slots=True)
class Return:
    """Give the leg back to the flow it came from. ``params`` are added to the URL's query."""

    url: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text to the caller; the next instruction follows."""

    text: str


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the leg."""


Instruction = Connect | Forward | Return | Say | HangUp


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer in the carrier's own markup."""

    body: bytes
    content_type: str
    status: int = 200


@dataclass(frozen=True, slots=True)
class MachineDetection:
    """How a dialled phone is listened to for an answering machine. None: as the carrier does by itself.

    The call goes on meanwhile; the verdict comes by a callback. A carrier leaves out what it has
    no word for.
    """

    greeting: bool
    """Wait with the verdict on a machine until its greeting is over."""
    timeout: int | None = None
    """Seconds until the carrier gives up."""
    speech_threshold: int | None = None
    """Milliseconds of speech after which it is no person's greeting any more."""
    speech_end_threshold: int | None = None
    """Milliseconds of silence after speech that count as its end."""
    silence_timeout: int | None = None
    """Milliseconds of silence at first after which nothing is known."""
    url: str = ""
    """Where the verdict goes, for carriers that ask for an address of its own."""


@dataclass(frozen=True, slots=True)
class Details:
    """What ``phoneCallProviderDetails`` is made of: the carrier's own create-call arguments."""

    to: str | None
    from_: str | None
    status_url: str
    inbound: bool
    connect: Connect
    machine: MachineDetection | None = None


def stream_id(media_url: str) -> str:
    """Our name for one media socket: a digest of the single-use token its URL ends in.

    Everyone who sees the URL (markup, socket, the carrier's reports) computes the same name,
    and the name gives the token away to nobody.
    """
    token = urlsplit(media_url).path.rsplit("/", 1)[-1]
    return hashlib.sha256(token.encode()).hexdigest()[:16]


# ------------------------------------------------------------------ accounts


@dataclass(frozen=True, slots=True)
class Account:
    """One account at a carrier, with its secrets in clear: kept in memory only, never printed.

    ``ref`` is what the carrier's requests name: AccountSid, api_key.
    ``secrets`` holds the carrier's own field names (``providers/<carrier>/config.py``).
    """

    ref: str
    secrets: Mapping[str, Any] = field(repr=False)
    id: str | None = None
    """Our credential's id."""
    api_url: str | None = None
    """Overrides the carrier's API address (tests, simulators, proxies)."""


# ------------------------------------------------------------------ sound


@dataclass(frozen=True, slots=True)
class StreamStart:
    """The carrier's first word on the media socket. Refs are None where the carrier tells none."""

    stream_ref: str | None
    call_ref: str | None
    account_ref: str | None
    sample_rate: int
    parameters: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Audio:
    """Caller's sound: signed 16-bit little-endian mono PCM at the stream's sample rate."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Digit:
    """One key pressed: ``0-9 * #`` (``A-D`` from odd phones)."""

    digit: str


@dataclass(frozen=True, slots=True)
class MarkPlayed:
    """Everything sent before the mark of this name has been played, or was cleared."""

    name: str


@dataclass(frozen=True, slots=True)
class Cleared:
    """The carrier dropped what it had not played."""


@dataclass(frozen=True, slots=True)
class StreamStop:
    """The carrier says the stream is over."""


@dataclass(frozen=True, slots=True)
class UnknownFrame:
    """A message nobody here knows; ``word`` is its name for the log."""

    word: str


Frame = StreamStart | Audio | Digit | MarkPlayed | Cleared | StreamStop | UnknownFrame


class Codec(Protocol):
    """One media socket's translation; one object per socket, because it remembers the stream's id.

    ``decode`` raises ``BadRequest`` for what the carrier cannot have sent.
    The encoders return the messages to send, in order; text for ``str``, binary for ``bytes``.
    """

    sample_rate: int

    def decode(self, message: str | bytes) -> Frame: ...

    def audio(self, pcm: bytes) -> list[str | bytes]:
        """PCM at ``sample_rate``. Where the carrier wants exact frames the rest is kept for the next call."""
        ...

    def flush(self) -> list[str | bytes]:
        """What ``audio`` kept back, padded with silence."""
        ...

    def mark(self, name: str) -> list[str | bytes]: ...

    def clear(self) -> list[str | bytes]: ...


# ------------------------------------------------------------------ the carrier's API


@dataclass(frozen=True, slots=True)
class Dial:
    """A call we place ourselves."""

    to: str
    from_: str
    connect: Connect
    status_url: str
    max_duration: int
    """Seconds until the carrier itself ends the call."""
    extension: str | None = None
    """Keys pressed once the phone is answered: ``0-9 * #`` and the carrier's own letter for a pause."""
    ring_seconds: int = 60
    machine: MachineDetection | None = None


@dataclass(frozen=True, slots=True)
class Dialed:
    """The carrier accepted it."""

    call_ref: str
    leg_ref: str


@dataclass(frozen=True, slots=True)
class LegState:
    """What the carrier's API says of a leg now, as the events its callbacks would have been.

    ``word`` is the carrier's own. Keys of the events begin with ``reconciled:``: however often
    the API is asked, the same news is one event.
    """

    leg: Leg
    word: str
    events: tuple[CallEvent, ...] = ()


@dataclass(frozen=True, slots=True)
class NumberSetting:
    """One thing the carrier was told about a number, in the words of its own console."""

    name: str
    value: str | None
    kind: HookKind | None = None
    """Which of our URLs it is meant for; None where it is no URL."""
    problem: str | None = None
    """What is wrong with it wherever it leads, and what to change."""


@dataclass(frozen=True, slots=True)
class Probe:
    """A POST as the carrier would sign it, about a leg that nobody knows: it changes nothing."""

    headers: Mapping[str, str]
    body: bytes


class Client(Protocol):
    """The carrier's REST API for one account. Blocking; every call has a timeout; creates are never re-sent.

    All raise ``CarrierError`` or ``NotConfigured``.
    """

    def prepare(self, order: Dial) -> None:
        """Raise what ``dial`` would raise without asking the carrier: nothing is sent."""
        ...

    def dial(self, order: Dial) -> Dialed:
        """Create the call. ``CarrierError.permanent``: refused, nothing rings; else it may ring."""
        ...

    def hang_up(self, leg_ref: str, *, api_url: str | None = None) -> None:
        """End one leg. ``CarrierError.gone`` when it is over already."""
        ...

    def fetch(self, leg_ref: str, *, api_url: str | None = None) -> LegState | None:
        """What the carrier knows of a leg; None when it knows no such leg, or no longer."""
        ...

    def can_record(self) -> bool:
        """Whether the account has what recordings take. Nothing is sent."""
        ...

    def start_recording(
        self, leg_ref: str, report_url: str, *, api_url: str | None = None
    ) -> str | None:
        """Record the leg from now on, both sides apart; the recording's ref, where it is told one.

        None where the recording began with the markup (``Connect.recording_url``).
        """
        ...

    def stop_recording(self, leg_ref: str, ref: str, *, api_url: str | None = None) -> None:
        """End it before the leg does. ``CarrierError.gone`` when it is over already."""
        ...

    def save_recording(
        self, ref: str, url: str, file: BinaryIO, *, limit: int, api_url: str | None = None
    ) -> None:
        """Write a recording's WAV into ``file``, at most ``limit`` bytes of it.

        ``CarrierError.permanent``: it is larger, or lies where our credentials must not go.
        """
        ...

    def check(self) -> str:
        """Ask the API who we are: one line for ``patchbay doctor``."""
        ...

    def number(self, number: str) -> Sequence[NumberSetting]:
        """How an E.164 number is set up. ``CarrierError.gone`` when the account has no such number."""
        ...


# ------------------------------------------------------------------ the whole


@dataclass(frozen=True, slots=True)
class NumberFields:
    """The carrier's own names in Vapi's phone-number bodies."""

    number: str
    """Field of the number: ``twilioPhoneNumber``."""
    account_ref: str | None
    """Field of the account: ``twilioAccountSid``; None when the number names a ``credentialId``."""
    secrets: tuple[str, ...] = ()
    """Secret fields, never echoed: ``twilioAuthToken``."""


class Provider(Protocol):
    """A carrier. Pure but for ``client()``."""

    name: str
    hooks: tuple[Hook, ...]
    number_fields: NumberFields
    return_hosts: frozenset[str]
    """Hosts of this carrier's own flows, always allowed as return URLs."""
    records_in_markup: bool
    """A recording begins with a document, and lasts as long as the leg; else the API starts it."""

    def account(self, ref: str, secrets: Mapping[str, Any]) -> Account:
        """Check the secrets' names and shapes. Raises ``NotConfigured`` naming the wrong one."""
        ...

    def credential(self, body: Mapping[str, Any]) -> tuple[str, dict[str, Any], dict[str, Any]]:
        """Vapi's credential body -> (account ref, public fields, secrets). Raises ``NotConfigured``."""
        ...

    def claimed_account(self, request: WebhookRequest) -> str | None:
        """The account ref the request names, unverified; None when it names none.

        Raises ``MissingSignature`` when there is nothing to verify at all."""
        ...

    def verify(self, request: WebhookRequest, account: Account) -> None:
        """Raises ``Refused`` unless this account's carrier signed exactly this request."""
        ...

    def probe(self, url: str, account: Account, now: datetime) -> Probe:
        """A word to our status URL, signed with the account's newest secret. Raises ``NotConfigured``."""
        ...

    def verify_socket(self, url: str, headers: Sequence[tuple[str, str]], account: Account) -> None:
        """The same for the media socket's handshake; ``url`` as given in the markup (``wss://``)."""
        ...

    def parse(self, hook: HookKind, request: WebhookRequest) -> Report:
        """A verified request in our words. Raises ``BadRequest``."""
        ...

    def answer(self, instructions: Sequence[Instruction]) -> Answer:
        """Markup for the carrier; raises ``ValueError`` for what it cannot express (our bug)."""
        ...

    def acknowledge(self) -> Answer:
        """The carrier's wanted answer to a callback that asks nothing."""
        ...

    def refusal(self, error: Exception, *, transient: bool = False) -> Answer:
        """The answer to a request not let in, or (``transient``) that we cannot serve just now."""
        ...

    def details(self, details: Details) -> dict[str, Any]:
        """``phoneCallProviderDetails``: the carrier's own create-call arguments, JSON."""
        ...

    @property
    def connect_failed(self) -> EndedReason:
        """The word of Vapi's page for "this carrier never connected the call"."""
        ...

    def codec(self) -> Codec: ...

    def client(self, account: Account, *, timeout: float = 10.0) -> Client: ...
