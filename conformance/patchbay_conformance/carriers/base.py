"""What a row needs of a carrier: documents read, webhooks signed, a media socket opened."""

from __future__ import annotations

import itertools
import json
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, NamedTuple

from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.verdict import Failed, expect

_customers = itertools.count()
LONG_AGO = timedelta(seconds=30)
"""How long before its creation the first event of a script happened: all of them are past."""


class Document(NamedTuple):
    """TwiML or NCCO that connects an assistant. "" where it names no such URL."""

    media_url: str
    stream_url: str
    """Where the carrier reports about the media socket."""
    continue_url: str
    """Where the carrier asks for the next document, once the socket is closed."""
    custom: Mapping[str, Any]
    """What the carrier hands to the socket: Twilio's parameters, Vonage's headers."""


class Signed(NamedTuple):
    """A request as the carrier would send it. ``url``: the one that is signed."""

    url: str
    headers: Mapping[str, str]
    body: bytes
    method: str = "POST"


def new_customer() -> str:
    """A number of the range for fiction, another for each of a hundred calls."""
    return f"+1415555{100 + next(_customers) % 100:04}"


@dataclass
class Leg:
    """One phone leg. ``ref`` is what Vapi calls ``phoneCallProviderId``; ``own``: the leg's id."""

    ref: str
    own: str
    customer: str = field(default_factory=new_customer)
    inbound: bool = False
    begun: datetime = field(default_factory=lambda: datetime.now(UTC) - LONG_AGO)
    numbers: Any = field(default_factory=itertools.count)

    def at(self, second: float | None) -> datetime:
        """The time of an event: so many seconds after the leg's begin, or now."""
        return datetime.now(UTC) if second is None else self.begun + timedelta(seconds=second)


class Carrier(ABC):
    """One account at a carrier, with a number that the server knows by ``number_id``."""

    name: ClassVar[str]
    WORDS: ClassVar[Mapping[str, str]]
    """Neutral words of the rows -> the carrier's."""
    FAILED: ClassVar[str]
    """``endedReason`` of a call that it could not connect."""

    def __init__(self, number: str, number_id: str) -> None:
        self.number, self.number_id = number, number_id
        self.registered = False
        """Whether the kit made this account and its number; then it may make more."""
        self.credential_id = ""

    def number_body(self, number: str) -> dict[str, Any]:
        """``POST /phone-number`` of another number of this account."""
        raise NotImplementedError

    def secrets(self) -> list[str]:
        """What must not be in an answer."""
        raise NotImplementedError

    @abstractmethod
    def new_leg(self, *, inbound: bool = False) -> Leg: ...

    @abstractmethod
    def details(self, call: Mapping[str, Any]) -> Document:
        """The document of ``phoneCallProviderDetails``. Raises ``Failed`` where it is wrong."""

    @abstractmethod
    def document(self, body: str) -> Document | None:
        """The document in the answer to a webhook; None: it connects no assistant."""

    @abstractmethod
    def status_url(self, call: Mapping[str, Any]) -> str:
        """Where the details want events of the phone leg; "" if nowhere."""

    @abstractmethod
    def sign(self, url: str, fields: Mapping[str, Any]) -> Signed: ...

    @abstractmethod
    def status(
        self, leg: Leg, word: str, second: float | None = None, **fields: Any
    ) -> dict[str, Any]:
        """An event of the phone leg, by its neutral word."""

    @abstractmethod
    def arrival(self, leg: Leg, number: str) -> dict[str, Any]:
        """A caller's leg asks for a document."""

    @abstractmethod
    def handshake(self, url: str) -> dict[str, str]: ...

    @abstractmethod
    def open(
        self, url: str, there: str, leg: Leg, document: Document, seconds: float
    ) -> MediaSocket:
        """A media socket: signed for ``url``, opened at ``there``. Raises what websockets raises."""

    @abstractmethod
    def closed(self, leg: Leg, document: Document) -> dict[str, Any]:
        """The request for the next document, once the media socket is closed."""

    @abstractmethod
    def forward(self, body: str) -> str:
        """Where the outcome of a transfer is reported. Raises ``Failed`` if there is none."""

    @abstractmethod
    def forwarded(self, leg: Leg, number: str) -> list[dict[str, Any]]:
        """The events of a transfer whose destination answers, talks and hangs up."""

    @abstractmethod
    def machine(self, leg: Leg) -> dict[str, Any]:
        """An answering machine has answered."""

    @abstractmethod
    def machine_url(self, call: Mapping[str, Any]) -> str:
        """Where the details want that verdict; "" if nowhere."""

    @abstractmethod
    def forgeries(
        self, url: str, fields: Mapping[str, Any]
    ) -> Mapping[str, Callable[[], Signed]]: ...


def parsed(text: str | bytes, what: str) -> Any:
    """JSON. Raises ``Failed``."""
    try:
        return json.loads(text)
    except ValueError:
        raise Failed(f"{what} is not JSON: {text[:100]!r}") from None


def absolute(url: Any, what: str, *schemes: str) -> str:
    """The URL. Raises ``Failed`` unless it begins with one of the schemes."""
    expect(isinstance(url, str), f"{what} is missing")
    expect(url.startswith(tuple(f"{s}://" for s in schemes)), f"{what} is not absolute: {url!r}")
    return str(url)
