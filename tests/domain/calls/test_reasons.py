"""Why a call ended: by a webhook, by time or by a lack of words; what comes late rewrites nothing."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import permutations
from typing import Any

import pytest
from flask import Flask

from app import create_app
from app.domain.calls.schedule import JOIN, MAX_DURATION, NO_CALL, SETTLE, TIMERS
from app.domain.reporting import pending
from app.settings import Settings
from app.store.engine import Store
from providers.events import EndedReason
from tests.domain.live_call import Live, status_path
from tests.domain.timers import fire
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.routes.api import Api, organisation

CUSTOMER_ENDED = "customer-ended-call"
LIMIT = 600
"""Seconds: ``maxDurationSeconds`` by default."""


def broken(live: Live) -> None:
    live.media.request_end(
        live.claim, EndedReason.ASSISTANT_ERROR, "the assistant's own socket broke"
    )


TOO_LATE: dict[str, Callable[[Live], None]] = {
    # a client that has not heard of the end yet
    "end-call": Live.end,
    # the assistant's side fails because the caller is gone
    "assistant": broken,
    # the socket follows the leg
    "stopped": lambda live: live.media.stopped(live.claim),
    "lost": Live.lose,
    # the engine was about to fire it
    "max-duration": lambda live: fire(live.leg.app, "max-duration", live.id),
}


@pytest.mark.parametrize("afterwards", TOO_LATE.values(), ids=TOO_LATE)
def test_what_comes_after_the_end_is_not_its_cause(
    app: Flask, live: Live, afterwards: Callable[[Live], None]
) -> None:
    live.leg.say("completed")
    assert live.reason == CUSTOMER_ENDED
    afterwards(live)
    assert live.reason == CUSTOMER_ENDED
    assert "endedMessage" not in live.call
    fire(app, SETTLE, live.id)
    assert live.reason == CUSTOMER_ENDED


def test_what_comes_before_it_is(app: Flask, live: Live) -> None:
    broken(live)
    live.leg.say("completed")
    fire(app, SETTLE, live.id)
    assert live.reason == "assistant-error"
    assert live.call["endedMessage"] == "the assistant's own socket broke"


@pytest.mark.parametrize(
    ("assistant", "lasted", "reason"),
    [
        (60, 900, CUSTOMER_ENDED),  # a quarter of an hour in the flow, then a minute with us
        (60, LIMIT, CUSTOMER_ENDED),
        (LIMIT, LIMIT, "exceeded-max-duration"),  # the carrier's own limit cut it
        (LIMIT, 900, "exceeded-max-duration"),
        (LIMIT - 60, LIMIT - 1, CUSTOMER_ENDED),  # just in time
    ],
)
def test_the_limit_is_the_assistant_s_own_time(
    live: Live, assistant: int, lasted: int, reason: str
) -> None:
    live.leg.say("completed", assistant, lasted=lasted)
    assert live.reason == reason


@pytest.mark.parametrize("order", permutations(range(2)), ids=["in order", "swapped"])
def test_a_word_that_is_not_true_of_the_call_freezes_nothing(
    app: Flask, live: Live, order: tuple[int, ...]
) -> None:
    """ "Nobody answered", of a leg whose caller talked to the assistant."""
    words = (live.leg.NO_ANSWER, "completed")
    for turn in order:
        _outbound(live.leg, words[turn], 60 + turn)
    fire(app, SETTLE, live.id)
    assert live.reason == CUSTOMER_ENDED


def test_of_a_leg_that_was_not_answered_it_is_true(app: Flask, api: Api, leg: Leg) -> None:
    call = api.call()
    _outbound(leg, leg.NO_ANSWER, 60, status_path(call))
    assert api.get(f"/call/{call['id']}").json["endedReason"] == "customer-did-not-answer"


def _outbound(leg: Leg, word: str, seconds: float, path: str = "") -> None:
    """The flow has dialled the leg."""
    answer = leg.say(word, seconds, path=path, **leg.OUTBOUND)
    assert answer.status_code < 300, answer.text


# ------------------------------------------------------------------ time, and a lack of words


class Bypass:
    """A call whose leg the owner's flow dials at Twilio."""

    def __init__(self, app: Flask, api: Api) -> None:
        self.app, self.api, self.call = app, api, api.call()
        self.id = str(self.call["id"])

    def arrive(self) -> None:
        """A leg fetches the call's document."""
        answer = TwilioLeg(self.app).fetch(f"/twilio/calls/{self.id}/twiml")
        assert answer.status_code == 200, answer.text

    def fire(self, timer: str) -> None:
        fire(self.app, timer, self.id)

    @property
    def reason(self) -> str | None:
        found: dict[str, Any] = self.api.get(f"/call/{self.id}").json
        return found.get("endedReason")


@pytest.fixture
def waiting(app: Flask, api: Api) -> Bypass:
    return Bypass(app, api)


@pytest.fixture
def arrived(waiting: Bypass) -> Bypass:
    waiting.arrive()
    return waiting


def test_a_leg_that_never_came(waiting: Bypass) -> None:
    waiting.fire(NO_CALL)
    assert waiting.reason == EndedReason.NO_CALL_RECEIVED


def test_a_leg_that_came_is_not_missed(arrived: Bypass) -> None:
    arrived.fire(NO_CALL)
    assert arrived.reason is None


def test_the_older_pages_words_for_a_leg_that_never_came(settings: Settings, store: Store) -> None:
    app = create_app(replace(settings, ended_reasons="seed"))
    call = Bypass(app, organisation(app, "11111111-1111-4111-8111-111111111111", "key of one"))
    call.fire(NO_CALL)
    assert call.reason == EndedReason.TWILIO_FAILED_TO_CONNECT_CALL
    app.extensions["patchbay"].store.close()


def test_a_socket_that_never_came(arrived: Bypass) -> None:
    arrived.fire(JOIN)
    assert arrived.reason == EndedReason.ASSISTANT_JOIN_TIMED_OUT


def test_a_call_that_took_too_long(arrived: Bypass) -> None:
    arrived.fire(MAX_DURATION)
    assert arrived.reason == EndedReason.EXCEEDED_MAX_DURATION


@pytest.mark.parametrize("timer", [*TIMERS, pending.TIMER])
def test_a_timer_that_fires_late_changes_nothing(arrived: Bypass, timer: str) -> None:
    done = arrived.api.post(f"/call/{arrived.id}/control", {"type": "end-call"})
    assert done.status_code == 200, done.text
    arrived.fire(timer)
    assert arrived.reason == EndedReason.MANUALLY_CANCELED


def test_a_leg_nobody_answered(waiting: Bypass) -> None:
    """The owner's outbound leg; the carrier's only word is the one that explains nothing."""
    leg = TwilioLeg(waiting.app)
    leg.say("completed", 3, path=status_path(waiting.call), **TwilioLeg.OUTBOUND)
    assert waiting.reason == EndedReason.UNKNOWN_ERROR
