"""What the Call resource says, in the events the callbacks would have told."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import Leg
from providers.errors import CarrierError
from providers.events import EndedReason, EventKind
from providers.testing.contract import NOW
from providers.twilio import leg_state, statuses
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.api import client_of, problem
from tests.providers.twilio.case import CALL_SID

BEGAN = datetime(2026, 3, 4, 5, 0, 5, tzinfo=UTC)
OVER = datetime(2026, 3, 4, 5, 0, 45, tzinfo=UTC)
RESOURCE: dict[str, Any] = {
    "sid": CALL_SID,
    "status": "completed",
    "direction": "outbound-api",
    "from": "+12125550100",
    "to": "+14158675310",
    "start_time": BEGAN,
    "end_time": OVER,
    "duration": "40",
    "price": "-0.013",
    "price_unit": "USD",
}
K, R = EventKind, EndedReason


def told(**changes: Any) -> list[tuple[EventKind, datetime, EndedReason | None, bool]]:
    state = leg_state.state({**RESOURCE, **changes}, NOW)
    return [(each.kind, each.at, each.reason, each.generic) for each in state.events]


def unanswered(reason: EndedReason) -> list[tuple[EventKind, datetime, EndedReason | None, bool]]:
    return [(K.LEG_ENDED, OVER, reason, False)]


ROWS: list[tuple[str, str, list[tuple[EventKind, datetime, EndedReason | None, bool]]]] = [
    # Waiting to go out; it has no times yet.
    ("queued", "outbound-api", [(K.LEG_QUEUED, NOW, None, False)]),
    ("ringing", "outbound-api", [(K.LEG_RINGING, NOW, None, False)]),
    ("ringing", "inbound", [(K.LEG_RINGING, NOW, None, False)]),
    # Answered: since when, the resource knows.
    ("in-progress", "outbound-api", [(K.LEG_ANSWERED, BEGAN, None, False)]),
    # Said of answered calls only, so the answer is told with it.
    (
        "completed",
        "outbound-api",
        [(K.LEG_ANSWERED, BEGAN, None, False), (K.LEG_ENDED, OVER, R.CUSTOMER_ENDED_CALL, True)],
    ),
    (
        "completed",
        "inbound",
        [(K.LEG_ANSWERED, BEGAN, None, False), (K.LEG_ENDED, OVER, R.CUSTOMER_ENDED_CALL, True)],
    ),
    ("busy", "outbound-api", unanswered(R.CUSTOMER_BUSY)),
    ("no-answer", "outbound-api", unanswered(R.CUSTOMER_DID_NOT_ANSWER)),
    ("no-answer", "inbound", unanswered(R.CUSTOMER_ENDED_CALL)),  # the caller gave up
    ("canceled", "outbound-api", unanswered(R.MANUALLY_CANCELED)),
    ("canceled", "outbound-dial", unanswered(R.MANUALLY_CANCELED)),
    ("canceled", "inbound", unanswered(R.CUSTOMER_ENDED_CALL)),
    ("failed", "outbound-api", unanswered(R.TWILIO_FAILED_TO_CONNECT_CALL)),
    ("failed", "inbound", unanswered(R.TWILIO_FAILED_TO_CONNECT_CALL)),
    ("levitating", "outbound-api", []),  # a word of tomorrow's changes nothing
]


@pytest.mark.parametrize(("word", "direction", "events"), ROWS)
def test_every_word_of_the_resource(word: str, direction: str, events: list[Any]) -> None:
    ongoing = word in ("queued", "ringing")
    times = {"start_time": None, "end_time": None} if ongoing else {}
    assert told(status=word, direction=direction, **times) == events


def test_no_word_of_the_resource_is_left_out() -> None:
    """``initiated``, ``answered`` and ``cancelled`` are words of callbacks only."""
    words = (set(statuses.PROGRESS) | set(statuses.ENDS)) - {"initiated", "answered", "cancelled"}
    assert words <= {word for word, _, _ in ROWS}


@pytest.mark.parametrize(
    ("changes", "leg"),
    [
        ({}, Leg(CALL_SID, CALL_SID, "+12125550100", "+14158675310", False)),
        ({"direction": "inbound"}, Leg(CALL_SID, CALL_SID, "+12125550100", "+14158675310", True)),
        # A leg Twilio dialled for a <Dial> is no caller's.
        (
            {"direction": "outbound-dial"},
            Leg(CALL_SID, CALL_SID, "+12125550100", "+14158675310", False),
        ),
        ({"from": "", "to": None}, Leg(CALL_SID, CALL_SID, None, None, False)),
        (
            {"from": "anonymous", "to": "sip:a@b.example"},
            Leg(CALL_SID, CALL_SID, "anonymous", "sip:a@b.example", False),
        ),
    ],
)
def test_the_leg(changes: dict[str, Any], leg: Leg) -> None:
    assert leg_state.state({**RESOURCE, **changes}, NOW).leg == leg


@pytest.mark.parametrize(
    ("changes", "data"),
    [
        ({"price": None}, {"durationSeconds": 40}),  # null at first
        ({"price": None, "duration": None}, {}),
        ({"price": None, "duration": ""}, {}),
        ({"price": None, "duration": "0"}, {"durationSeconds": 0}),
        ({"price": None, "duration": 7}, {"durationSeconds": 7}),
        ({"price": None, "duration": "1h"}, {}),
        (
            {"duration": None},
            {"price": {"amount": "0.013", "currency": "USD", "leg": CALL_SID}},
        ),
    ],
)
def test_the_facts_of_an_end(changes: dict[str, Any], data: dict[str, Any]) -> None:
    assert leg_state.state({**RESOURCE, **changes}, NOW).events[-1].data == data


def test_the_same_news_is_one_event_however_often_it_is_asked_for() -> None:
    first = leg_state.state(RESOURCE, NOW)
    second = leg_state.state({**RESOURCE, "price": None}, NOW.replace(hour=9))
    keys = [[event.key for event in state.events] for state in (first, second)]
    assert keys[0] == keys[1] == ["reconciled:leg.answered", "reconciled:leg.ended"]


def test_an_unanswered_end_is_told_apart_by_direction() -> None:
    """``completed`` is generic: what an unanswered one means is for the fold."""
    outbound, inbound = (
        leg_state.state({**RESOURCE, "direction": each}, NOW).events[-1]
        for each in ("outbound-api", "inbound")
    )
    assert outbound.unanswered_reason is R.UNKNOWN_ERROR
    assert inbound.unanswered_reason is R.CUSTOMER_ENDED_CALL


def test_what_twilio_said_is_kept_and_what_it_left_out_is_not() -> None:
    state = leg_state.state({**RESOURCE, "price": None}, NOW)
    for event in state.events:
        assert event.source == "twilio"
        assert event.raw["status"] == "completed"
        assert "price" not in event.raw
        assert all(isinstance(value, str) for value in event.raw.values())


@given(
    word=st.sampled_from(sorted(statuses.ENDS)) | st.text(max_size=10),
    direction=st.sampled_from(["inbound", "outbound-api", "outbound-dial", None, "sideways"]),
    duration=st.none() | st.text(max_size=12) | st.integers(),
    price=st.none() | st.text(max_size=12),
    unit=st.none() | st.text(max_size=4),
)
def test_any_resource_is_read(
    word: str, direction: str | None, duration: Any, price: str | None, unit: str | None
) -> None:
    changes = {"duration": duration, "price": price, "price_unit": unit, "direction": direction}
    state = leg_state.state({**RESOURCE, "status": word, **changes}, NOW)
    assert state.word == word
    assert len(state.events) <= 2


# ------------------------------------------------------------------ asked for


@pytest.mark.parametrize("body", [{}, {"sid": None}, {"sid": CALL_SID}, {"status": "ringing"}])
def test_an_answer_that_is_not_about_a_call(api: RestApi, body: dict[str, Any]) -> None:
    api.says(200, body)
    with pytest.raises(CarrierError, match="not about a call") as caught:
        client_of(api).fetch(CALL_SID)
    assert not caught.value.permanent


def test_a_leg_of_another_account_is_none(api: RestApi) -> None:
    api.says(404, problem(20404))
    assert client_of(api).fetch(CALL_SID) is None


def test_times_are_read_as_twilio_writes_them(api: RestApi) -> None:
    times = {
        "start_time": "Wed, 04 Mar 2026 05:00:05 +0000",
        "end_time": "Wed, 04 Mar 2026 05:00:45 +0000",
    }
    api.says(200, {**RESOURCE, **times})
    state = client_of(api).fetch(CALL_SID)
    assert [event.at for event in state.events] == [BEGAN, OVER]


@pytest.mark.parametrize("text", ["yesterday", "", None])
def test_a_time_that_is_none_is_now(api: RestApi, text: str | None) -> None:
    api.says(200, {**RESOURCE, "start_time": text, "end_time": text})
    before = datetime.now(UTC)
    events = client_of(api).fetch(CALL_SID).events
    assert all(before <= event.at <= datetime.now(UTC) for event in events)
