"""One simulated Twilio call: its state, the requests about it, and its end.

``twiml_player`` runs its TwiML. https://www.twilio.com/docs/voice/api/call-resource#statuscallback
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from itertools import count
from urllib.parse import urlsplit
from uuid import uuid4

from providers.simulation.media_socket import MediaSocket, SocketRefused
from providers.simulation.stage import CallerAction
from providers.simulation.timeline import Response
from providers.twilio.simulator.config import TwilioStage
from providers.twilio.simulator.recording import Recording

# CallStatus -> the StatusCallbackEvent that asks for it.
EVENTS: dict[str, str] = {
    "initiated": "initiated",
    "ringing": "ringing",
    "in-progress": "answered",
    "completed": "completed",
    "busy": "completed",
    "no-answer": "completed",
    "failed": "completed",
    "canceled": "completed",
}
SIP_CODES = {"completed": "200", "busy": "486", "failed": "404"}
# SIP's status for a call that was not answered in time, or cancelled.
# https://www.rfc-editor.org/rfc/rfc3261#section-21.4.25
GAVE_UP = "487"
GEO = {"City": "SAN FRANCISCO", "State": "CA", "Zip": "94105", "Country": "US"}
XML_TYPES = ("text/xml", "application/xml", "text/html")
SIP_DOMAIN = "acme.sip.twilio.com"
INBOUND = "inbound"


@dataclass(frozen=True, slots=True)
class Document:
    """TwiML, and the base of its relative URLs."""

    text: str
    base: str = ""


@dataclass(frozen=True, slots=True)
class Detection:
    """Answering machine detection of a call. Without a URL the call waits for the verdict."""

    verdict: str
    url: str = ""
    method: str = "POST"


# Where a call's TwiML comes from; None when none comes.
Source = Callable[[], Document | None]


@dataclass(frozen=True, slots=True)
class StatusCallback:
    """Where progress goes. Without events only the end is reported."""

    url: str
    events: Sequence[str] = ("completed",)
    method: str = "POST"


@dataclass
class TwilioCall:
    """A phone leg. ``acts``: the caller's action on each media socket; the last one repeats.

    ``time_limit``: seconds until Twilio itself ends a call that is up.
    """

    stage: TwilioStage[TwilioCall]
    from_: str
    to: str
    direction: str = INBOUND
    acts: Sequence[CallerAction] = (CallerAction.PRESS,)
    callback: StatusCallback | None = None
    time_limit: float | None = None
    detection: Detection | None = None
    sid: str = field(default_factory=lambda: f"CA{uuid4().hex}")

    def __post_init__(self) -> None:
        self.status = "ringing" if self.direction == INBOUND else "queued"
        self.created = datetime.now(UTC)
        self.rings = threading.Event()
        # What it hears is over: it has ended, or goes on with another document.
        self.nudged = threading.Event()
        # Whether its last document played music.
        self.played = False
        self.over = threading.Event()
        # The open media socket.
        self.stream: MediaSocket | None = None
        # By their sids.
        self.recordings: dict[str, Recording] = {}
        self.answered_at: datetime | None = None
        self.ended_at: datetime | None = None
        # The verdict, which every later request of a waiting call carries.
        self.answered_by = ""
        # How often the REST API has shown the call.
        self.looks = 0
        self._sequence = count()
        self._acts = iter(self.acts)
        self._lock = threading.Lock()
        self._redirected: Document | None = None

    @property
    def is_operator(self) -> bool:
        """Whether this is the leg to the operator of a transfer."""
        return self.direction != INBOUND and self.to.startswith(self.stage.config.destination)

    @property
    def party(self) -> str:
        """``operator`` or ``caller``."""
        return "operator" if self.is_operator else "caller"

    @property
    def is_sip(self) -> bool:
        """Whether its party comes to Twilio by SIP."""
        return self.from_.startswith("sip:")

    @property
    def price(self) -> str | None:
        """The price.

        It appears some time after the end, once the REST API has shown the call without it.
        """
        fixed = self.over.is_set() and self.looks > self.stage.unpriced_looks
        return self.stage.price if fixed else None

    # ---------------------------------------------------------------- what happens to it

    def ring(self) -> None:
        self.status = "ringing"
        self.report("ringing")
        self.rings.set()

    def pick_up(self) -> None:
        """Answer the leg, by a person or by TwiML. Only the first time counts."""
        if self.answered_at is None:
            self.answered_at = datetime.now(UTC)
            self.status = "in-progress"
            if self.direction != INBOUND:
                self.report("in-progress")

    def open(self, stream: MediaSocket) -> None:
        """Open a media socket. Raises ``SocketRefused``."""
        if not stream.url.startswith(("wss://", "ws://")) or "?" in stream.url:
            raise SocketRefused("31922: the stream URL is not wss:// without a query")
        self.stream = stream
        stream.open()
        if self.over.is_set() or self.is_redirected:
            stream.interrupt()  # decided while it was opened
        self.stage.held.join(self.sid)
        self.stage.timeline.add(self.stage.outbound, f"media open {urlsplit(stream.url).path}")

    def next_act(self) -> CallerAction:
        return next(self._acts, self.acts[-1])

    def hang_up(self, status: str) -> None:
        """Hang up through the REST API. ``canceled`` has no effect on an answered call."""
        if self.status in ("queued", "ringing"):
            self.finish("canceled")
        elif status == "completed":
            self.finish("completed")
            self._interrupt()

    def redirect(self, document: Document) -> None:
        """Run another document now, through the REST API."""
        with self._lock:
            self._redirected = document
        self._interrupt()

    @property
    def is_redirected(self) -> bool:
        return self._redirected is not None

    def redirected(self) -> Document | None:
        """The document of ``redirect``, once."""
        with self._lock:
            document, self._redirected = self._redirected, None
            self.nudged.clear()
        return document

    def finish(self, status: str) -> None:
        """End the call. The first end counts, and it is reported once."""
        with self._lock:
            if self.over.is_set():
                return
            self.status = status
            self.ended_at = datetime.now(UTC)
            self.over.set()
            self.nudged.set()
        sip_code = SIP_CODES.get(status, GAVE_UP)
        extra = {"CallDuration": str(self.seconds), "SipResponseCode": sip_code}
        if status == "completed":
            extra["Duration"] = str(-(-self.seconds // 60))  # billed minutes
        self.report(status, extra)
        for recording in tuple(self.recordings.values()):
            recording.complete()

    @property
    def seconds(self) -> int:
        """Seconds from the answer to the end."""
        if self.answered_at is None or self.ended_at is None:
            return 0
        return round((self.ended_at - self.answered_at).total_seconds())

    def _interrupt(self) -> None:
        self.nudged.set()
        if (stream := self.stream) is not None:
            stream.interrupt()

    # ---------------------------------------------------------------- what Twilio says about it

    def parameters(self) -> dict[str, str]:
        """The parameters of every voice request about this leg."""
        names = {"From": self.from_, "Caller": self.from_, "To": self.to, "Called": self.to}
        inbound = self.direction == INBOUND
        stir = {"StirVerstat": "TN-Validation-Passed-A"} if inbound else {"StirStatus": "A"}
        geo = {f"{who}{what}": value for who in names for what, value in GEO.items()}
        if self.is_sip:
            geo = {"SipDomain": SIP_DOMAIN, "SipCallId": f"{self.sid}@{SIP_DOMAIN}"}
        return {
            "AccountSid": self.stage.config.account_sid,
            "ApiVersion": "2010-04-01",
            "CallSid": self.sid,
            "CallStatus": self.status,
            "Direction": self.direction,
            **names,
            **geo,
            **stir,
            **({"AnsweredBy": self.answered_by} if self.answered_by else {}),
        }

    def fetch(
        self, url: str, method: str = "POST", extra: Mapping[str, str] | None = None
    ) -> Document | None:
        """Fetch TwiML from a URL. Returns None, and notes a problem, if it is not TwiML."""
        params = self.parameters() | dict(extra or {})
        request = self.stage.prepare(method, url, params, self.status)
        response = self.stage.courier.ask(request)
        if fault := unusable(response):
            self.stage.problem(f"{fault}: {method} {urlsplit(url).path}")
            return None
        self.stage.received(response.text)
        return Document(response.text, url)

    def report(self, status: str, extra: Mapping[str, str] | None = None) -> None:
        """Send a status callback, if one was requested: numbered and dated now, beside the call."""
        number = str(next(self._sequence))
        if self.callback is None or EVENTS[status] not in self.callback.events:
            return
        params = self.parameters() | {
            "CallStatus": status,
            "Timestamp": format_datetime(datetime.now(UTC)),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": number,
        }
        self.post(self.callback.method, self.callback.url, params | dict(extra or {}), status)

    def tell_verdict(self) -> None:
        """Send the verdict of asynchronous detection, once.

        It has few fields of the other requests.
        """
        found, self.detection = self.detection, None
        if found is not None and found.url:
            params = {
                "AccountSid": self.stage.config.account_sid,
                "CallSid": self.sid,
                "AnsweredBy": found.verdict,
                "MachineDetectionDuration": "3740",
            }
            self.post(found.method, found.url, params, found.verdict)

    def post(self, method: str, url: str, params: Mapping[str, str], label: str) -> None:
        """Send a callback whose response does not matter."""
        self.stage.courier.post(self.stage.prepare(method, url, params, label))


def unusable(response: Response) -> str:
    """Why Twilio would not run this response; empty when it would."""
    kind = response.content_type.partition(";")[0].strip().lower()
    if not 200 <= response.status < 300:
        return f"11200: answered {response.status or 'nothing'} {response.text[:120]!r}"
    if kind not in XML_TYPES:
        return f"12300: content type {kind or 'none'} is no TwiML"
    return ""
