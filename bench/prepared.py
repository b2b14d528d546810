"""Requests of each kind as bytes: all different, all complete, all signed."""

from __future__ import annotations

import json
import urllib.request
from typing import Any

from bench.load import request
from bench.serving import JSON, KEY
from tests.fakes.carriers.accounts import CUSTOMER
from tests.fakes.carriers.base import CarrierFake
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.carriers.vonage import VONAGE

FORM = {"Content-Type": "application/x-www-form-urlencoded"}
AUTHORIZED = {**JSON, "Authorization": f"Bearer {KEY}"}


class Requests:
    """Of a bridge on this port, whose client's server gets every message."""

    def __init__(self, port: int) -> None:
        self.base = f"http://localhost:{port}"
        self.port = port
        self.number_ids = {row["provider"]: row["id"] for row in self.call("GET", "/phone-number")}
        self.assistant_id = self.call("POST", "/assistant", {"name": "bench"})["id"]

    def call(self, method: str, path: str, body: object = None) -> Any:
        data = None if body is None else json.dumps(body).encode()
        asked = urllib.request.Request(self.base + path, data, AUTHORIZED, method=method)
        with urllib.request.urlopen(asked) as answer:
            return json.load(answer)

    def floor(self, count: int) -> list[bytes]:
        return [request("/bench/constant", b"a=b", FORM)] * count

    def create(self, count: int) -> list[bytes]:
        body = json.dumps(self.body("twilio")).encode()
        return [request("/call", body, AUTHORIZED)] * count

    def body(self, provider: str) -> dict[str, object]:
        return {
            "phoneNumberId": self.number_ids[provider],
            "assistantId": self.assistant_id,
            "customer": {"number": CUSTOMER},
            "phoneCallProviderBypassEnabled": True,
        }

    def inbound_call(self, count: int) -> list[bytes]:
        path = f"/twilio/inbound_call?assistantId={self.assistant_id}"
        return [self.signed(TWILIO, path, TWILIO.arrival(TWILIO.new_ref())) for _ in range(count)]

    def status_callback(self, count: int) -> list[bytes]:
        return self.ringing(TWILIO, count)

    def vonage_event(self, count: int) -> list[bytes]:
        return self.ringing(VONAGE, count)

    def ringing(self, fake: CarrierFake, count: int) -> list[bytes]:
        """The first ``ringing`` of many calls: each changes its call and queues a message."""
        made = [self.call("POST", "/call", self.body(fake.name)) for _ in range(count)]
        urls = [fake.status_url(call["phoneCallProviderDetails"]) for call in made]
        return [
            self.signed(fake, target(url), fake.status(fake.new_ref(), "ringing", 1))
            for url in urls
        ]

    def signed(self, fake: CarrierFake, path: str, fields: dict[str, str]) -> bytes:
        """One webhook of the carrier."""
        whole = fake.signer.request("POST", self.base + path, fields)
        return request(path, whole.body, whole.headers)
