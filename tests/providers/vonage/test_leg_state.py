"""What ``GET /v1/calls/{uuid}`` says, in the events the webhooks would have told.

https://developer.vonage.com/en/api/voice#getCall
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from providers.base.webhook import Leg
from providers.errors import BadRequest
from providers.events import EndedReason, EventKind
from providers.vonage import leg_state, statuses
from tests.providers.vonage.cases import CONVERSATION, NOW, OUTBOUND

BEGAN = datetime(2026, 3, 4, 5, 0, 5, tzinfo=UTC)
OVER = datetime(2026, 3, 4, 5, 0, 45, tzinfo=UTC)
RESOURCE: dict[str, Any] = {
    "_links": {"self": {"href": f"/calls/{OUTBOUND}"}},
    "uuid": OUTBOUND,
    "conversation_uuid": CONVERSATION,
    "status": "completed",
    "direction": "outbound",
    "to": {"type": "phone", "number": "447700900123"},
    "from": {"type": "phone", "number": "14155550100"},
    "start_time": "2026-03-04 05:00:05",  # not the form of the webhooks
    "end_time": "2026-03-04 05:00:45",
    "duration": "40",
    "rate": "0.00450000",
    "price": "0.00300000",
    "network": "GB-FIXED",
}
K, R = EventKind, EndedReason
Told = list[tuple[EventKind, datetime, EndedReason | None, bool]]
ANSWERED = (K.LEG_ANSWERED, BEGAN, None, False)


def told(**changes: Any) -> Told:
    fields = {**RESOURCE, **changes}
    state = leg_state.state({name: v for name, v in fields.items() if v is not None}, NOW)
    return [(each.kind, each.at, each.reason, each.generic) for each in state.events]


ROWS: list[tuple[str, str, Told]] = [
    ("started", "outbound", [(K.LEG_QUEUED, NOW, None, False)]),
    ("started", "inbound", [(K.LEG_RINGING, NOW, None, False)]),  # a caller rings us
    ("ringing", "outbound", [(K.LEG_RINGING, NOW, None, False)]),
    ("answered", "outbound", [(K.LEG_ANSWERED, NOW, None, False)]),
    # Said instead of "answered", once the listening is over.
    ("human", "outbound", [ANSWERED]),
    ("machine", "outbound", [ANSWERED]),
    ("busy", "outbound", [(K.LEG_ENDED, NOW, R.CUSTOMER_BUSY, False)]),
    ("timeout", "outbound", [(K.LEG_ENDED, NOW, R.CUSTOMER_DID_NOT_ANSWER, False)]),
    ("unanswered", "outbound", [(K.LEG_ENDED, NOW, R.CUSTOMER_DID_NOT_ANSWER, False)]),
    ("cancelled", "outbound", [(K.LEG_ENDED, NOW, R.MANUALLY_CANCELED, False)]),
    ("cancelled", "inbound", [(K.LEG_ENDED, NOW, R.CUSTOMER_ENDED_CALL, False)]),
    ("rejected", "outbound", [(K.LEG_ENDED, NOW, R.VONAGE_REJECTED, False)]),
    ("failed", "outbound", [(K.LEG_ENDED, NOW, R.VONAGE_FAILED_TO_CONNECT_CALL, False)]),
    # It does not say who hung up: the user, then.
    ("completed", "outbound", [ANSWERED, (K.LEG_ENDED, OVER, R.CUSTOMER_ENDED_CALL, True)]),
    ("completed", "inbound", [ANSWERED, (K.LEG_ENDED, OVER, R.CUSTOMER_ENDED_CALL, True)]),
    ("disconnected", "outbound", []),  # a socket's leg, which is no phone
    ("levitating", "outbound", []),  # a word of tomorrow's changes nothing
]


@pytest.mark.parametrize(("word", "direction", "events"), ROWS)
def test_every_word_of_a_leg(word: str, direction: str, events: Told) -> None:
    assert told(status=word, direction=direction) == events


def test_no_word_of_a_phone_leg_is_left_out() -> None:
    words = set(statuses.PHONE) | set(statuses.MACHINE) | {"completed"}
    assert words <= {word for word, _, _ in ROWS}


@pytest.mark.parametrize(
    ("direction", "unanswered"),
    [("outbound", R.CUSTOMER_DID_NOT_ANSWER), ("inbound", R.CUSTOMER_ENDED_CALL)],
)
def test_a_completed_leg_that_never_was_answered(direction: str, unanswered: EndedReason) -> None:
    fields = {**RESOURCE, "direction": direction, "start_time": None, "duration": "0"}
    (event,) = leg_state.state(fields, NOW).events
    assert (event.kind, event.unanswered_reason) == (K.LEG_ENDED, unanswered)
    assert event.data["durationSeconds"] == 0


@pytest.mark.parametrize(
    ("start", "at"),
    [
        ("2026-03-04 05:00:05", BEGAN),
        ("2026-03-04T05:00:05.000Z", BEGAN),
        ("2026-03-04T07:00:05+02:00", BEGAN),
        ("yesterday", NOW),
        (7, NOW),
    ],
)
def test_when_it_was_answered(start: Any, at: datetime) -> None:
    assert told(start_time=start)[0] == (K.LEG_ANSWERED, at, None, False)


@pytest.mark.parametrize(
    ("party", "kept"),
    [
        ({"type": "phone", "number": "447700900123"}, "+447700900123"),
        ({"type": "sip", "uri": "sip:desk@pbx.example"}, "sip:desk@pbx.example"),
        ({"type": "websocket", "uri": "wss://patchbay.example/x"}, None),  # no party of a call
        ({"type": "app", "user": "alice"}, None),
        ({"type": "vbc", "extension": "7"}, None),
        ({}, None),
        (None, None),
        ("447700900123", None),  # the API's are objects
        ({"number": 7}, None),
    ],
)
def test_parties_are_endpoints(party: Any, kept: str | None) -> None:
    assert leg_state.state({**RESOURCE, "to": party}, NOW).leg == Leg(
        CONVERSATION, OUTBOUND, "+14155550100", kept, False, sip=str(kept).startswith("sip:")
    )


def test_the_facts_and_the_raw_words_of_an_end() -> None:
    event = leg_state.state(RESOURCE, NOW).events[-1]
    assert event.data["durationSeconds"] == 40
    assert event.data["price"] == {"amount": "0.00300000", "currency": "EUR", "leg": OUTBOUND}
    assert event.raw == RESOURCE  # parties as they came, and no word of who hung up
    assert event.source == "vonage"


def test_the_same_news_is_one_event_however_often_it_is_asked_for() -> None:
    first = leg_state.state(RESOURCE, NOW)
    second = leg_state.state({**RESOURCE, "price": None}, NOW.replace(hour=9))
    keys = [[event.key for event in state.events] for state in (first, second)]
    assert keys[0] == keys[1] == ["reconciled:leg.answered", "reconciled:leg.ended"]


@pytest.mark.parametrize(
    "resource",
    [
        {},
        {"status": "completed"},
        {"uuid": "", "conversation_uuid": None},
        {"uuid": 7},
        {"uuid": "a b"},
        {**RESOURCE, "uuid": "a\r\nX-Evil: 1"},
    ],
    ids=str,
)
def test_an_answer_that_is_not_about_a_leg(resource: dict[str, Any]) -> None:
    with pytest.raises(BadRequest):
        leg_state.state(resource, NOW)


VALUES = (
    st.none()
    | st.text(max_size=12)
    | st.integers()
    | st.dictionaries(
        st.sampled_from(["number", "uri", "type"]), st.text(max_size=12) | st.none(), max_size=3
    )
)


@given(
    st.dictionaries(st.sampled_from(sorted(RESOURCE)), VALUES, max_size=6),
    st.sampled_from(sorted(statuses.STATUSES)) | st.text(max_size=8),
)
def test_any_answer_is_read_or_a_bad_request(changes: dict[str, Any], word: str) -> None:
    try:
        state = leg_state.state({**RESOURCE, **changes, "status": word}, NOW)
    except BadRequest:
        return
    assert len(state.events) <= 2
    assert all(event.at.tzinfo is UTC for event in state.events)
