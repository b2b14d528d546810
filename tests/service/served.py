"""The whole application on one database, its carriers' API and its clients' server."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app import create_app
from app.delivery.dispatcher import Dispatcher
from app.domain.legs import hangup, outbound
from app.settings import CarrierSettings, Settings
from app.wiring import Services
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from tests.domain.use_cases import Later
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.leg import Leg, target
from tests.fakes.client_server import Receiver
from tests.routes.api import Api, organisation

JOBS = {outbound.JOB: outbound.run, hangup.JOB: hangup.run}


class Recorded(Leg):
    """A leg that can repeat its requests, byte by byte."""

    sent: list[partial[TestResponse]]

    def post(self, url: str, fields: Any, headers: Any = None) -> TestResponse:
        path, base = target(url), self.app.extensions["patchbay"].settings.public_url
        request = self.signer.request("POST", base + path, {**self._names(), **fields})
        send = partial(
            self.app.test_client().post,
            path,
            data=request.body,
            headers={**request.headers, **(headers or {})},
            environ_overrides={"patchbay.raw_target": path},
        )
        self.sent.append(send)
        return send()


class Service:
    """What all examples share. Each has an organisation of its own."""

    def __init__(self, app: Flask, receiver: Receiver) -> None:
        self.app, self.receiver = app, receiver
        self.services: Services = app.extensions["patchbay"]
        self.jobs = Later()
        context = self.services.context
        object.__setattr__(context, "jobs", self.jobs)
        self._dispatcher = Dispatcher(context, lambda work: work())
        self.placed: dict[str, str] = {}
        """Legs that the carriers were asked for and accepted: where their words go, by leg."""
        self.refuses = False
        self.steps = Counter[str]()
        """How often each rule was tried."""

    def organisation(self) -> Api:
        made = str(uuid.uuid4())
        return organisation(self.app, made, f"key of {made}")

    def leg(self, carrier: str, account: str, secret: str) -> Recorded:
        kind = type("Recorded", (Recorded, FAKES[carrier].leg), {})
        leg: Recorded = kind(self.app, account, secret)
        leg.sent = []
        return leg

    def deliver(self) -> None:
        """Send every message that is due."""
        while self._dispatcher.turn() or self._dispatcher.busy:
            continue

    def work(self) -> None:
        """Run the jobs that dial and hang up."""
        for key, (kind, _) in list(self.jobs.waiting.items()):
            del self.jobs.waiting[key]
            if kind in JOBS:
                JOBS[kind](self.services.context, json.loads(self.jobs.payloads[key]))

    def answer(self, request: ApiRequest) -> ApiReply:
        """The carriers' API: a leg is placed or refused, and whatever else is asked is done."""
        fake = FAKES["twilio" if "/2010-04-01/" in request.path else "vonage"]
        creates = request.method == "POST" and request.path.endswith(("/Calls.json", "/calls"))
        if not creates:
            return ApiReply(200, {}) if fake.name == "twilio" else ApiReply(204)
        if self.refuses:
            return fake.refused
        ref = fake.new_ref()
        self.placed[ref] = fake.ordered_status_url(request.body)
        names = dict.fromkeys(fake.accepted.body, ref)
        return ApiReply(201, {**names, "status": fake.accepted.body["status"]})


@contextmanager
def serving(settings: Settings) -> Iterator[Service]:
    """On the settings' database, which is up to date."""
    with Receiver() as receiver, serve(lambda request: made.answer(request)) as url:
        accounts = tuple(
            CarrierSettings(name, fake.credential(rest=True), fake.number, url)
            for name, fake in FAKES.items()
        )
        chosen = replace(
            settings, carriers=accounts, delivery_schedule=(0.0,) * 8, rate_limit_per_minute=0
        )
        app = create_app(chosen)
        made = Service(app, receiver)
        yield made
        made.services.store.close()
