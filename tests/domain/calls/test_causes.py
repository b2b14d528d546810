"""Ended reasons that only time or a lack of words produces: each through its own cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.domain.calls import timers
from app.domain.calls.schedule import JOIN, MAX_DURATION, NO_CALL, TIMERS
from app.domain.reporting import pending
from app.settings import CarrierSettings, Settings
from app.store.engine import Store
from app.wiring import Services
from providers.events import EndedReason
from providers.twilio import signature as twilio
from tests.bridge import ACCOUNT, AUTH_TOKEN, TWILIO_NUMBER
from tests.fakes.carriers.requests import target, twilio_arrival, twilio_status

KEY = "key of the causes"
SID = "CA" + "1" * 32


class Served:
    """One application, asked without a network."""

    def __init__(self, app: Flask) -> None:
        self.app = app
        self.services: Services = app.extensions["patchbay"]

    def api(self, method: str, path: str, body: Any = None) -> Any:
        headers = {"Authorization": f"Bearer {KEY}"}
        answer = self.app.test_client().open(path, method=method, headers=headers, json=body)
        assert answer.status_code < 300, answer.text
        return answer.json

    def create(self) -> dict[str, Any]:
        (number,) = self.api("GET", "/phone-number")
        call: dict[str, Any] = self.api(
            "POST",
            "/call",
            {
                "phoneNumberId": number["id"],
                "assistant": {"name": "Desk"},
                "customer": {"number": "+14155550123"},
                "phoneCallProviderBypassEnabled": True,
            },
        )
        return call

    def callback(self, url: str, fields: dict[str, str]) -> None:
        """One signed request of the carrier's."""
        form = {"AccountSid": ACCOUNT, **fields}
        path = target(url)
        signed = twilio.compute(AUTH_TOKEN, self.services.settings.public_url + path, form.items())
        headers = {"X-Twilio-Signature": signed}
        answer = self.app.test_client().post(path, data=form, headers=headers)
        assert answer.status_code < 300, answer.text

    def arrive(self) -> dict[str, Any]:
        """A leg fetches the document of a new call."""
        call = self.create()
        self.callback(f"/twilio/calls/{call['id']}/twiml", twilio_arrival(SID))
        return call

    def fire(self, call: dict[str, Any], timer: str) -> None:
        timers.fire(self.services.context, {"timer": timer, "callId": call["id"]})

    def reason(self, call: dict[str, Any]) -> str | None:
        found: dict[str, Any] = self.api("GET", f"/call/{call['id']}")
        return found.get("endedReason")


@pytest.fixture
def served(store: Store, settings: Settings) -> Iterator[Served]:
    yield from serve(settings)


def serve(settings: Settings) -> Iterator[Served]:
    account = {"accountSid": ACCOUNT, "authTokens": [AUTH_TOKEN]}
    carrier = CarrierSettings("twilio", account, TWILIO_NUMBER)
    told = replace(settings, api_key=KEY, carriers=(carrier,), run_jobs=False)
    running = Served(create_app(told))
    running.services.start()
    yield running
    running.services.stop()


def test_a_leg_that_never_came(served: Served) -> None:
    call = served.create()
    served.fire(call, NO_CALL)
    assert served.reason(call) == EndedReason.NO_CALL_RECEIVED


def test_a_leg_that_came_is_not_missed(served: Served) -> None:
    call = served.arrive()
    served.fire(call, NO_CALL)
    assert served.reason(call) is None


def test_the_older_pages_words_for_a_leg_that_never_came(store: Store, settings: Settings) -> None:
    for served in serve(replace(settings, ended_reasons="seed")):
        call = served.create()
        served.fire(call, NO_CALL)
        assert served.reason(call) == EndedReason.TWILIO_FAILED_TO_CONNECT_CALL


def test_a_socket_that_never_came(served: Served) -> None:
    call = served.arrive()
    served.fire(call, JOIN)
    assert served.reason(call) == EndedReason.ASSISTANT_JOIN_TIMED_OUT


def test_a_call_that_took_too_long(served: Served) -> None:
    call = served.arrive()
    served.fire(call, MAX_DURATION)
    assert served.reason(call) == EndedReason.EXCEEDED_MAX_DURATION


@pytest.mark.parametrize("timer", [*TIMERS, pending.TIMER])
def test_a_timer_that_fires_late_changes_nothing(served: Served, timer: str) -> None:
    call = served.arrive()
    served.api("POST", f"/call/{call['id']}/control", {"type": "end-call"})
    served.fire(call, timer)
    assert served.reason(call) == EndedReason.MANUALLY_CANCELED


def test_a_leg_nobody_answered(served: Served) -> None:
    """The owner's outbound leg; the carrier's only word is the one that explains nothing."""
    call = served.create()
    url = call["phoneCallProviderDetails"]["statusCallback"]
    served.callback(url, twilio_status(SID, "completed", 3))
    assert served.reason(call) == EndedReason.UNKNOWN_ERROR
