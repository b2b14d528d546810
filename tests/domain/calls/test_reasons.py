"""Why a call ended, told over the carriers' webhooks: what comes late rewrites nothing."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import pytest
from flask import Flask

from app.domain.calls.schedule import SETTLE
from providers.events import EndedReason
from tests.fakes.carriers.legs import Leg, Live, fire, status_path
from tests.routes.api import Api

CUSTOMER_ENDED = "customer-ended-call"
LIMIT = 600
"""Seconds: ``maxDurationSeconds`` where nobody says otherwise."""


def broken(live: Live) -> None:
    live.media.request_end(live.id, EndedReason.ASSISTANT_ERROR, "the assistant's own socket broke")


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
