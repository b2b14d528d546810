"""What every row is given: the server, the carriers, the client's server, and ways to wait."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.client import HTTPException
from typing import Any, NoReturn
from uuid import uuid4

from patchbay_conformance.carriers.base import Carrier, Document, Leg, Signed
from patchbay_conformance.carriers.media import MediaSocket
from patchbay_conformance.http import Answer, send
from patchbay_conformance.process import ServerProcess
from patchbay_conformance.receiver import Receiver, Reply
from patchbay_conformance.target import Target
from patchbay_conformance.verdict import Failed, NotAsked, expect

Call = Mapping[str, Any]
LOOK_SECONDS = 0.05
SLOWEST_LOOK = 0.5
NO_RECEIVER = (
    "the server could not reach the kit's own: --listen, and --receiver-url from elsewhere"
)
NOT_STARTED = "the kit has not started the server: --start COMMAND lets it kill it"


@dataclass
class World:
    """``carriers``: each carrier, or why it cannot be played."""

    target: Target
    receiver: Receiver | None
    process: ServerProcess | None
    carriers: dict[str, Carrier | str] = field(default_factory=dict)
    made: list[str] = field(default_factory=list)
    """Paths of what the kit has made, the newest last."""
    refused: set[str] = field(default_factory=set)
    """Calls whose report the client's server has refused at first."""
    ends: list[float] = field(default_factory=list)
    """When the server was killed or stopped, on the clock of ``Received.at``."""
    kept: dict[str, Any] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    # -- what may be missing

    def carrier(self, name: str) -> Carrier:
        """Raises ``NotAsked`` where there is none."""
        found = self.carriers.get(name, f"{name} is left out by --without")
        if isinstance(found, str):
            raise NotAsked(found)
        return found

    @property
    def hears(self) -> Receiver:
        """The client's server. Raises ``NotAsked``."""
        if self.receiver is None:
            raise NotAsked(NO_RECEIVER)
        return self.receiver

    @property
    def started(self) -> ServerProcess:
        """Raises ``NotAsked`` unless the kit runs the server."""
        if self.process is None:
            raise NotAsked(NOT_STARTED)
        return self.process

    def restart(self, end: Callable[[ServerProcess], None]) -> None:
        """End the server, by ``kill`` or ``stop``, and start it. Raises ``NotAsked``."""
        process = self.started
        self.ends.append(time.monotonic())
        end(process)
        process.start()

    # -- the public API

    def ask(
        self,
        method: str,
        path: str,
        body: Any = None,
        *,
        key: str | None = "",
        raw: bytes | None = None,
    ) -> Answer:
        """One request with the API key; ``key`` None: without one.

        It is repeated while the server asks for that (``Retry-After``), as its SDKs do.
        """
        own = self.target.key if key == "" else key
        headers = {"Content-Type": "application/json", "User-Agent": "patchbay-conformance"}
        if own is not None:
            headers["Authorization"] = f"Bearer {own}"
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        try:
            url = self.target.url + path
            return self._patient(lambda: send(method, url, headers, data))
        except (OSError, HTTPException) as error:
            raise Failed(f"{method} {path}: no answer ({type(error).__name__}: {error})") from error

    def _patient(self, request: Callable[[], Answer]) -> Answer:
        """The answer of a server that has time for the request; after the patience, any."""
        deadline = time.monotonic() + self.target.patience
        while True:
            answer = request()
            wait = answer.retry_after
            if wait is None or time.monotonic() + wait > deadline:
                return answer
            time.sleep(wait)

    def api(self, method: str, path: str, body: Any = None, status: int = 200) -> Any:
        """JSON of an answer. Raises ``Failed`` for another status."""
        answer = self.ask(method, path, body)
        expect(answer.status == status, f"{method} {path} answered {answer}, not {status}")
        return answer.json()

    def make(self, path: str, body: Any) -> dict[str, Any]:
        """A resource, deleted at the end of the run."""
        found = self.api("POST", path, body, 201)
        expect(isinstance(found, dict) and found.get("id"), f"POST {path}: the answer has no id")
        with self._lock:
            self.made.append(f"{path}/{found['id']}")
        return dict(found)

    def body(self, carrier: Carrier, leg: Leg | None = None, **fields: Any) -> dict[str, Any]:
        """``POST /call`` in bypass mode. Its assistant reports to the client's server."""
        return {
            "phoneNumberId": carrier.number_id,
            "assistant": self.assistant(),
            "customer": {"number": (leg or carrier.new_leg()).customer},
            "phoneCallProviderBypassEnabled": True,
            **fields,
        }

    def messages(self) -> dict[str, Any]:
        """The fields of an assistant that bring its messages to the client's server."""
        if self.receiver is None:
            return {}
        server = {"url": self.receiver.url("all")}
        return {"server": server, "serverMessages": ["status-update", REPORT]}

    def assistant(self, **fields: Any) -> dict[str, Any]:
        return {**self.target.assistant, **self.messages(), **fields}

    def create(self, carrier: Carrier, leg: Leg | None = None, **fields: Any) -> Call:
        return self.make("/call", self.body(carrier, leg, **fields))

    def call(self, call_id: str) -> dict[str, Any]:
        return dict(self.api("GET", f"/call/{call_id}"))

    def control(self, call: Call, message: Mapping[str, Any]) -> Answer:
        """A message of live call control. Raises ``NotAsked`` if the call has no such URL."""
        url = (self.call(call["id"]).get("monitor") or {}).get("controlUrl")
        if not url:
            raise NotAsked("the call has no monitor.controlUrl")
        headers = {"Content-Type": "application/json"}
        data, there = json.dumps(message).encode(), self.target.reach(url)
        return self._patient(lambda: send("POST", there, headers, data))

    # -- waiting

    def until(
        self, call: Call, holds: Callable[[Call], bool], what: str, seconds: float = 0
    ) -> dict[str, Any]:
        """The call once it holds. Raises ``Failed`` after ``seconds`` more than the patience."""
        deadline, wait = time.monotonic() + self.target.patience + seconds, LOOK_SECONDS
        while True:
            found = self.call(call["id"])
            if holds(found):
                return found
            if time.monotonic() > deadline:
                self._late(found, what)
            time.sleep(wait)
            wait = min(1.2 * wait, SLOWEST_LOOK)

    def _late(self, call: Call, what: str) -> NoReturn:
        is_now = f"status {call.get('status')!r}, endedReason {call.get('endedReason')!r}"
        raise Failed(f"{what}: still {is_now} after {self.target.patience:g} s")

    def status(self, call: Call, *statuses: str) -> dict[str, Any]:
        """The call once it has one of these statuses."""
        wanted = " or ".join(statuses)
        return self.until(call, lambda it: it.get("status") in statuses, f"status {wanted}")

    def ended(self, call: Call, *reasons: str, seconds: float = 0) -> dict[str, Any]:
        """The call once it has ended for one of these reasons."""

        def holds(it: Call) -> bool:
            return it.get("status") == "ended" and it.get("endedReason") in reasons

        found = self.until(call, holds, f"ended as {' or '.join(reasons)}", seconds)
        expect(found.get("endedAt"), "an ended call has no endedAt")
        return found

    def report(self, call: Call) -> Mapping[str, Any]:
        """The end-of-call report of a call, once it was delivered."""

        def came(received: list[Any]) -> bool:
            return any(
                r.call_id == call["id"] and r.kind == REPORT and r.status < 300 for r in received
            )

        got = self.hears.until(came, self.target.patience)
        expect(got, f"no end-of-call-report came within {self.target.patience:g} s")
        return next(r.message for r in self.hears.of(call["id"]) if r.kind == REPORT)

    # -- the carriers

    def deliver(self, signed: Signed) -> Answer:
        """A carrier's request, sent to where the server is reached from here."""
        there = self.target.reach(signed.url)
        try:
            return send(signed.method, there, signed.headers, signed.body)
        except (OSError, HTTPException) as error:
            raise Failed(f"a webhook got no answer ({type(error).__name__}: {error})") from error

    def tell(self, carrier: Carrier, url: str, fields: Mapping[str, Any]) -> str:
        """One signed webhook; the body of its answer. Raises ``Failed`` unless it is 2xx.

        A carrier repeats what it got 503 for.
        """
        signed = carrier.sign(url.partition("#")[0], fields)
        answer = self._patient(lambda: self.deliver(signed))
        expect(answer.ok, f"a signed webhook of {carrier.name} was answered {answer}")
        return answer.text

    def say(self, carrier: Carrier, call: Call, leg: Leg, *words: str, **fields: Any) -> None:
        """Events of the phone leg in this order, each a second after the one before."""
        for word in words:
            second = next(leg.numbers)
            self.tell(
                carrier, self.status_url(carrier, call), carrier.status(leg, word, second, **fields)
            )

    def status_url(self, carrier: Carrier, call: Call) -> str:
        url = carrier.status_url(call)
        if not url:
            raise NotAsked("phoneCallProviderDetails names no URL for the phone leg's events")
        return url

    def connect(self, carrier: Carrier, leg: Leg, document: Document) -> MediaSocket:
        """The media socket of a document, joined."""
        there = self.target.reach(document.media_url)
        try:
            socket = carrier.open(document.media_url, there, leg, document, self.target.patience)
        except Exception as error:  # OSError, TimeoutError, and all of websockets'
            raise Failed(f"the media socket was refused: {error}") from error
        socket.join()
        return socket

    def joined(self, carrier: Carrier, **fields: Any) -> tuple[Call, Leg, Document, MediaSocket]:
        """A call in progress: created, answered, its media socket open.

        An assistant may have ended it at once.
        """
        leg = carrier.new_leg()
        call = self.create(carrier, leg, **fields)
        if carrier.status_url(call):
            self.say(carrier, call, leg, "announced", "ringing", "answered")
        document = carrier.details(call)
        socket = self.connect(carrier, leg, document)
        self.status(call, "in-progress", "ended")
        return call, leg, document, socket

    def reply(self, name: str, reply: Reply | None = None) -> str:
        """An address of the client's server for one row alone."""
        return self.hears.url(f"{name}-{uuid4().hex[:8]}", reply)


REPORT = "end-of-call-report"
