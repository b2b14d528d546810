"""Calls of legs whose assistant is in, on the application in this process."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from werkzeug.test import TestResponse

from app.domain.services.media import StreamClaim
from app.wiring import Services
from tests.fakes.carriers.leg import Document, Leg
from tests.routes.api import Api

ECHO = {"name": "echo", "transport": {"provider": "echo"}}


def claim_stream(leg: Leg, document: Document) -> StreamClaim:
    """The socket's handshake. Raises ``Refused``."""
    services: Services = leg.app.extensions["patchbay"]
    target = urlsplit(document.media_url).path
    token = target.rpartition("/")[2]
    provider = services.providers[leg.name]
    return services.media.claim(provider, token, target, leg.handshake(document.media_url))


def join(leg: Leg, document: Document) -> StreamClaim:
    """The socket is open and proved: the assistant is in."""
    claim = claim_stream(leg, document)
    services: Services = leg.app.extensions["patchbay"]
    services.media.joined(claim, leg.start())
    return claim


class Live:
    """A call of a leg that arrived and whose assistant is in."""

    def __init__(self, api: Api, leg: Leg, query: Mapping[str, str] | None = None) -> None:
        self.api, self.leg = api, leg
        self.media = leg.app.extensions["patchbay"].media
        self.document = read(leg, leg.arrive(query))
        self.claim = join(leg, self.document)
        self.id = str(call_of(api, leg)["id"])

    @property
    def call(self) -> dict[str, Any]:
        found: dict[str, Any] = self.api.get(f"/call/{self.id}").json
        return found

    @property
    def status(self) -> str:
        return str(self.call["status"])

    @property
    def reason(self) -> str | None:
        return self.call.get("endedReason")

    def kinds(self) -> list[str]:
        return kinds(self.api, self.id)

    def lose(self) -> None:
        """The socket breaks without a word."""
        self.media.lost(self.claim)

    def put_back(self, turn: int) -> None:
        """The carrier asks what now, and opens the socket it is given."""
        self.document = read(self.leg, self.leg.ask(self.document, turn))
        self.claim = join(self.leg, self.document)

    def end(self) -> None:
        """By the API."""
        done = self.api.post(f"/call/{self.id}/control", {"type": "end-call"})
        assert done.status_code in {200, 400}, done.text  # 400: it has ended already


def read(leg: Leg, answer: TestResponse) -> Document:
    """The document that was answered."""
    assert answer.status_code == 200, answer.text
    found = leg.read(answer.text)
    assert found is not None, answer.text
    return found


def call_of(api: Api, leg: Leg) -> dict[str, Any]:
    """The one call of this leg."""
    [call] = api.get("/call", phoneCallProviderId=leg.call_ref).json
    found: dict[str, Any] = call
    return found


def status_path(call: Mapping[str, Any]) -> str:
    """Where a leg that the flow's owner dials reports to."""
    details = call["phoneCallProviderDetails"]
    return str(details.get("statusCallback") or details["eventUrl"][0])


def kinds(api: Api, call_id: str) -> list[str]:
    """What happened to a call, in the order of arrival."""
    return [event["kind"] for event in api.get(f"/call/{call_id}/events").json]
