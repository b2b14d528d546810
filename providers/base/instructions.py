"""Instructions to a carrier, its answer to a webhook, and the names of media sockets."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from providers.common.json_types import JsonObject

_TOKEN = re.compile(r"([A-Za-z0-9_-]{24})[A-Za-z0-9_-]{43}")
"""A media token: the stream's name, and what is secret."""
_OF_OURS = re.compile(rf"wss?://[a-z0-9.:-]+(?:/[A-Za-z0-9._~-]+)*/{_TOKEN.pattern}")
"""A media URL that ends in one."""
_QUERY = re.compile("[?#].*", re.DOTALL)
_NAME = re.compile(r"[A-Za-z0-9_-]{24}|[0-9a-f]{16}")


@dataclass(frozen=True, slots=True)
class SpeechWanted:
    """How the carrier is to hear and speak, in Vapi's words. Empty: as the carrier does by default."""

    voice: JsonObject = field(default_factory=dict)
    """``provider``, ``voiceId`` and ``language``; of a provider that the carrier has."""
    transcriber: JsonObject = field(default_factory=dict)
    """``provider``, ``model``, ``language`` and ``keywords``; of a provider that the carrier has."""
    keys: bool = True
    """Whether pressed keys are told."""
    options: Mapping[str, str] = field(default_factory=dict)
    """The carrier's own options, which win."""


@dataclass(frozen=True, slots=True)
class Connect:
    """Connect the leg to the assistant. All URLs are absolute; the media URL has no query."""

    call_id: str
    media_url: str
    stream_url: str
    """URL for the carrier's events of the media socket."""
    continue_url: str
    """URL for the next document after the socket closes. Some carriers use ``stream_url``."""
    number: str | None = None
    """Our number: the label of the media leg, for carriers that need one."""
    recording_url: str | None = None
    """Record the leg, with events to this URL. Unused by carriers whose API starts recordings."""
    speech: SpeechWanted | None = None
    """The carrier hears and speaks, and the media socket carries text. None: it carries audio."""


@dataclass(frozen=True, slots=True)
class Forward:
    """Forward the leg to another destination."""

    destination: str
    """E.164 number or ``sip:`` URI."""
    outcome_url: str
    caller_id: str | None = None
    extension: str | None = None
    timeout: int = 30
    max_duration: int = 7200
    """Seconds after the answer until the carrier ends the forward, within its own limit."""
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of a SIP destination, with names that begin with ``X-``."""


@dataclass(frozen=True, slots=True)
class Refer:
    """Have the party on a SIP leg call another SIP address itself, by SIP's REFER.

    https://www.rfc-editor.org/rfc/rfc3515
    """

    destination: str
    """``sip:`` URI."""
    outcome_url: str
    sip_headers: Mapping[str, str] = field(default_factory=dict)
    """Headers of the party's own call there, with names that begin with ``X-``."""


@dataclass(frozen=True, slots=True)
class Park:
    """Keep the leg in a room of its own, where it hears music until another leg joins it."""

    room: str
    """The name of the room, unique within the account."""
    outcome_url: str
    """URL for the next document, once the leg has left the room."""
    progress_url: str
    """URL for the events of the room, for carriers that have such."""
    music_url: str | None = None
    """An audio file (MP3, WAV). None: the carrier's own music."""


@dataclass(frozen=True, slots=True)
class Join:
    """Bring the leg into a room. The room ends for both legs when this one leaves."""

    room: str
    max_duration: int = 7200


@dataclass(frozen=True, slots=True)
class Play:
    """Play an audio file to the leg, then execute the next instruction."""

    url: str


@dataclass(frozen=True, slots=True)
class Listen:
    """Wait until the party on the leg has spoken, and ask a URL of ours then.

    A party who says nothing is hung up, or the URL is told.
    """

    url: str
    seconds: int
    """The longest wait for the first word."""


@dataclass(frozen=True, slots=True)
class Brief:
    """Run the verbs of Vapi's ``twiml``, then execute the next instruction."""

    twiml: str
    """As ``common/operator_twiml.py`` takes it."""
    url: str
    """URL for the next document once the party has answered a Gather. After a Hangup none follows."""


@dataclass(frozen=True, slots=True)
class Fetch:
    """Ask this URL of ours for the next document."""

    url: str


@dataclass(frozen=True, slots=True)
class Return:
    """Return the leg to its own flow. ``params`` are added to the URL's query."""

    url: str
    params: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Say:
    """Speak a text to the caller, then execute the next instruction."""

    text: str
    language: str = ""
    """Of the text, such as ``de-DE``. Empty: the carrier's default."""


@dataclass(frozen=True, slots=True)
class Hold:
    """Hold the leg: speak, play an audio file once, then ask for the next instruction."""

    audio_url: str
    next_url: str
    text: str = ""
    language: str = ""
    """Of the text, such as ``de-DE``. Empty: the carrier's default."""
    takes_key: bool = False
    """Whether a pressed key ends the audio, and goes to ``next_url``."""


@dataclass(frozen=True, slots=True)
class HangUp:
    """End the leg."""


Instruction = (
    Connect
    | Forward
    | Refer
    | Return
    | Say
    | Hold
    | HangUp
    | Park
    | Join
    | Play
    | Listen
    | Brief
    | Fetch
)


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP answer in the carrier's own markup."""

    body: bytes
    content_type: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class MachineDetection:
    """Options of answering machine detection. None: the carrier's default.

    The call goes on meanwhile, and a callback brings the verdict. A carrier leaves out an option
    that it does not have.
    """

    greeting: bool
    """Send the verdict on a machine only after its greeting."""
    timeout: int | None = None
    """Seconds until the detection ends without a verdict."""
    speech_threshold: int | None = None
    """Milliseconds of speech that are too long for a person's greeting."""
    speech_end_threshold: int | None = None
    """Milliseconds of silence that end the speech."""
    silence_timeout: int | None = None
    """Milliseconds of initial silence after which the verdict is unknown."""
    url: str = ""
    """URL for the verdict, for carriers that need one."""


@dataclass(frozen=True, slots=True)
class Details:
    """The source of ``phoneCallProviderDetails``: the carrier's own create-call arguments."""

    to: str | None
    from_: str | None
    status_url: str
    inbound: bool
    connect: Connect
    machine: MachineDetection | None = None


def stream_id(media_url: str) -> str:
    """Our name for one media socket: the beginning of the single-use token its URL ends in.

    Each part that sees the URL (markup, socket, the carrier's events) computes the same name.
    The name does not reveal the token. Tokens of the version before, and what is not a token of
    ours, are named by a digest.
    """
    if found := _OF_OURS.fullmatch(media_url):
        return found[1]  # nearly every URL, found without splitting it
    token = _QUERY.sub("", media_url).rpartition("/")[2]
    found = _TOKEN.fullmatch(token)
    return found[1] if found else hashlib.sha256(token.encode()).hexdigest()[:16]


def is_stream_id(name: str) -> bool:
    """Whether a name has the form of ``stream_id``."""
    return _NAME.fullmatch(name) is not None
