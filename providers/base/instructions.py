""""""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit


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
