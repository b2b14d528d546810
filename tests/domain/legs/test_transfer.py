"""A call on its way to somebody else, at either carrier: its timers, and its socket's late reports."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from app.domain.calls import record
from app.domain.calls.apply import apply_events
from app.domain.calls.record import CallTx
from app.domain.calls.schedule import FORWARD_GRACE_SECONDS, LOST, MAX_DURATION
from providers.errors import Refused
from providers.events import CallEvent, EndedReason, EventKind
from tests.domain.conftest import JOIN
from tests.domain.live_call import Live, join
from tests.domain.timers import fire, waiting
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api

THERE = {"type": "number", "number": "+14155550188"}
CLOSED = "phone-call-provider-closed-websocket"


@pytest.fixture
def forwarding(api: Api, live: Live) -> Live:
    """The socket is being closed, and the carrier has not asked yet."""
    body = {"type": "transfer", "destination": THERE}
    assert api.post(f"/call/{live.id}/control", body).status_code == 200
    assert live.status == "forwarding"
    return live


def test_a_carrier_that_never_asks(leg: Leg, forwarding: Live) -> None:
    timer = waiting(leg.app, LOST, forwarding.id)
    assert timer is not None
    assert timer.seconds == pytest.approx(JOIN, abs=60)
    fire(leg.app, LOST, forwarding.id, timer)
    assert (forwarding.status, forwarding.reason) == ("ended", CLOSED)


def test_a_note_meanwhile_leaves_that_timer(leg: Leg, forwarding: Live) -> None:
    forwarding.media.note(forwarding.claim, "digit", {})
    assert waiting(leg.app, LOST, forwarding.id) is not None


def test_a_carrier_that_has_asked(leg: Leg, forwarding: Live) -> None:
    """It rings there for as long as it rings; neither the socket's timer nor its end counts."""
    timer = waiting(leg.app, LOST, forwarding.id)
    assert THERE["number"][1:] in leg.ask(forwarding.document).text
    assert waiting(leg.app, LOST, forwarding.id) is None
    fire(leg.app, LOST, forwarding.id, timer)
    forwarding.media.lost(forwarding.claim)
    forwarding.media.stopped(forwarding.claim)
    assert forwarding.status == "forwarding"
    assert waiting(leg.app, LOST, forwarding.id) is None


def test_its_own_limit_stands_still_and_the_forwards_counts(leg: Leg, forwarding: Live) -> None:
    timer = waiting(leg.app, MAX_DURATION, forwarding.id)
    assert timer is not None
    assert timer.seconds == pytest.approx(7200 + FORWARD_GRACE_SECONDS, abs=60)
    markup = leg.ask(forwarding.document).text
    assert re.search(r'timeLimit="7200"|"limit":7200', markup)
    fire(leg.app, MAX_DURATION, forwarding.id)
    assert forwarding.reason == "exceeded-max-duration"


def test_a_caller_who_is_back_has_what_was_left(api: Api, leg: Leg, forwarding: Live) -> None:
    """Of the 600 seconds of every call."""
    context = leg.app.extensions["patchbay"].context
    later = replace(context, now=lambda: datetime.now(UTC) + timedelta(seconds=200))
    with context.store.write() as conn:
        call = record.get(conn, forwarding.id, lock=True)
        assert call is not None
        assert call.facts.forward is not None
        attempt = {"forward": call.facts.forward.id}
        failed = CallEvent(EventKind.FORWARD_FAILED, later.now(), "failed", data=attempt)
        apply_events(CallTx(later, conn, call), [failed])
    timer = waiting(leg.app, MAX_DURATION, forwarding.id)
    assert timer is not None
    assert timer.seconds - 200 == pytest.approx(400, abs=60)


def test_a_supervisor_who_transfers_gives_the_call_away(api: Api, leg: Leg, live: Live) -> None:
    """Else the assistant of a caller who is back waits for them, without a word."""
    live.media.taken_over(live.claim, taken=True, cause="asked")
    body = {"type": "transfer", "destination": THERE}
    assert api.post(f"/call/{live.id}/control", body).status_code == 200
    told = {each["kind"]: each.get("data") for each in api.get(f"/call/{live.id}/events").json}
    assert told["supervisor.gave-back"]["cause"] == "transferred"
    with leg.app.extensions["patchbay"].context.store.read() as conn:
        call = record.get(conn, live.id)
    assert call is not None
    assert (call.status, call.facts.taken_over) == ("forwarding", False)


def test_a_take_over_that_is_stored_after_the_transfer(leg: Leg, forwarding: Live) -> None:
    """The store was slow: the assistant of a caller who is back would wait for the supervisor."""
    for _ in ("the carrier has not asked", "it has asked"):
        forwarding.media.taken_over(forwarding.claim, taken=True, cause="asked")
        assert "supervisor.took-over" not in forwarding.kinds()
        leg.ask(forwarding.document)


def test_an_end_by_the_api_wins(leg: Leg, forwarding: Live) -> None:
    forwarding.end()
    assert THERE["number"][1:] not in leg.ask(forwarding.document).text
    assert forwarding.reason == "manually-canceled"


def test_what_its_assistant_decides_then_comes_too_late(forwarding: Live) -> None:
    """It has given the call away, and hears nobody: silence is no reason to end the call."""
    forwarding.media.request_end(forwarding.claim, EndedReason.SILENCE_TIMED_OUT)
    assert (forwarding.status, forwarding.reason) == ("forwarding", None)
    forwarding.media.request_end(forwarding.claim, EndedReason.SERVER_SHUTDOWN)
    assert forwarding.reason == "server-shutdown"


def test_a_store_that_did_not_take_the_sockets_end_ends_no_transfer(forwarding: Live) -> None:
    forwarding.media.pending_db_errors(forwarding.claim)
    forwarding.media.flush_db_errors()
    assert (forwarding.status, forwarding.reason) == ("forwarding", None)
    assert not forwarding.media.has_pending_db_errors


def test_the_socket_is_told_to_close(forwarding: Live) -> None:
    assert forwarding.media.streams([forwarding.id]) == {}


def test_no_socket_joins_meanwhile(api: Api, leg: Leg, live: Live) -> None:
    """A socket was lost and put back, and the transfer came before the new one was open."""
    live.lose()
    document = leg.read(leg.ask(live.document).text)
    assert document is not None
    api.post(f"/call/{live.id}/control", {"type": "transfer", "destination": THERE})
    with pytest.raises(Refused):
        join(leg, document)
    assert live.status == "forwarding"
