"""A leg whose socket was lost: asked what now, put back, and given its time."""

from __future__ import annotations

import pytest
from flask import Flask

from app.domain.calls.schedule import LOST
from app.domain.legs.inbound import VerifiedWebhook
from app.domain.legs.reattach import BUDGETS, Cause
from app.domain.services.webhooks import LegService
from app.store import calls
from app.store.faults import Deadlocked
from tests.domain.conftest import JOIN, SETTLE
from tests.domain.live_call import Live, join, read
from tests.domain.timers import fire, waiting
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api

FAULTS = BUDGETS[Cause.FAULT].attempts
CLOSE = 30.0
"""Seconds a wait may look shorter than it is; the settings' waits are further apart."""


def seconds_left(app: Flask, live: Live) -> float | None:
    found = waiting(app, LOST, live.id)
    return found.seconds if found else None


def test_a_loss_is_waited_out_for_the_settle_time(app: Flask, live: Live) -> None:
    live.lose()
    assert seconds_left(app, live) == pytest.approx(SETTLE, abs=CLOSE)
    assert live.status == "in-progress"


def test_a_leg_that_is_put_back_has_the_join_time(app: Flask, live: Live) -> None:
    live.lose()
    live.leg.ask(live.document)
    assert seconds_left(app, live) == pytest.approx(JOIN, abs=CLOSE)


def test_a_loss_told_after_the_question_shortens_nothing(app: Flask, live: Live) -> None:
    """The usual race when the carrier drops the socket: its question overtakes our own report."""
    live.leg.ask(live.document)
    live.lose()
    assert seconds_left(app, live) == pytest.approx(JOIN, abs=CLOSE)


def test_no_timer_is_left_once_the_assistant_is_back(app: Flask, live: Live) -> None:
    live.lose()
    live.put_back(1)
    assert seconds_left(app, live) is None


def test_a_second_loss_has_its_own_grace(app: Flask, live: Live) -> None:
    live.lose()
    live.put_back(1)
    live.lose()
    assert seconds_left(app, live) == pytest.approx(SETTLE, abs=CLOSE)


def test_a_re_sent_question_is_answered_alike_and_changes_nothing(
    app: Flask, leg: Leg, live: Live
) -> None:
    """The carrier asks again after a time-out, though the assistant is in again already."""
    live.lose()
    first = leg.ask(live.document)
    join(leg, read(leg, first))
    assert leg.ask(live.document).text == first.text
    fire(app, LOST, live.id)
    assert live.status == "in-progress"
    assert live.kinds().count("media.reattached") == 1


def test_re_sent_questions_spend_nothing(live: Live) -> None:
    for turn in range(1, FAULTS + 1):
        asked = live.document
        live.lose()
        live.put_back(turn)
        for _ in range(3):
            live.leg.ask(asked, turn)
    assert live.kinds().count("media.reattached") == FAULTS
    assert live.status == "in-progress"


def test_a_leg_is_put_back_so_often_and_no_more(live: Live) -> None:
    for turn in range(1, FAULTS + 1):
        live.lose()
        live.put_back(turn)
    live.lose()
    answer = live.leg.ask(live.document, FAULTS + 1)
    assert live.leg.read(answer.text) is None
    assert live.status == "ended"


def test_a_timer_taken_before_the_question_ends_nothing(app: Flask, live: Live) -> None:
    """As a process of the version before may have left it."""
    live.lose()
    taken = waiting(app, LOST, live.id)
    assert taken
    live.leg.ask(live.document)
    fire(app, LOST, live.id, taken)
    assert live.status == "in-progress"


def test_a_leg_that_does_not_come_back_is_given_up(app: Flask, live: Live) -> None:
    live.lose()
    live.leg.ask(live.document)
    fire(app, LOST, live.id, waiting(app, LOST, live.id))
    assert (live.status, live.reason) == ("ended", "phone-call-provider-closed-websocket")


def test_a_question_about_a_call_that_is_over_puts_nothing_back(leg: Leg, live: Live) -> None:
    live.end()
    assert leg.read(leg.ask(live.document).text) is None
    assert "media.reattached" not in live.kinds()


def test_the_next_document_takes_the_place_of_a_socket_that_still_lives(live: Live) -> None:
    """The carrier asks what now, though we have not noticed that its socket is gone."""
    first = live.claim
    assert live.media.streams({live.id}) == {live.id: first.stream}
    live.document = read(live.leg, live.leg.ask(live.document))
    assert live.media.streams({live.id}) == {live.id: None}
    live.claim = join(live.leg, live.document)
    assert live.media.streams({live.id}) == {live.id: live.claim.stream}
    live.media.lost(first)  # its process has closed it
    assert (live.status, live.media.streams({live.id})) == (
        "in-progress",
        {live.id: live.claim.stream},
    )


def test_a_second_socket_of_a_call_takes_the_place_of_the_first(api: Api, live: Live) -> None:
    """By another document, without a question: one of the two counts, and both may be lost."""
    first = live.claim
    second = read(live.leg, live.leg.arrive(visit=2))
    live.claim = join(live.leg, second)
    assert live.media.streams({live.id}) == {live.id: live.claim.stream}
    live.media.lost(first)
    live.lose()
    assert waiting(live.leg.app, LOST, live.id) is not None


def test_what_closed_the_socket_is_told(live: Live) -> None:
    """A carrier's own close reason may be long."""
    live.media.lost(live.claim, word="no answer to pings" + "!" * 1000)
    [lost] = [e for e in live.api.get(f"/call/{live.id}/events").json if e["kind"] == "media.lost"]
    assert lost["data"]["word"].startswith("no answer to pings")
    assert len(lost["data"]["word"]) < 300
    live.put_back(1)
    events = live.api.get(f"/call/{live.id}/events").json
    [again] = [event for event in events if event["kind"] == "media.reattached"]
    assert again["data"]["cause"] == "fault"


@pytest.mark.parametrize("error", [Deadlocked, calls.Moved])
def test_a_webhook_whose_transaction_was_undone_is_handled_anew(
    live: Live, monkeypatch: pytest.MonkeyPatch, error: type[Exception]
) -> None:
    """PostgreSQL undoes one of two transactions that wait for each other. Twilio never asks again."""
    handle, undone = LegService._handle_once, iter((error(), error()))

    def once(legs: LegService, webhook: VerifiedWebhook, **more: bool) -> object:
        for error in undone:
            raise error
        return handle(legs, webhook, **more)

    live.lose()
    monkeypatch.setattr(LegService, "_handle_once", once)
    live.put_back(1)
    assert live.status == "in-progress"
    assert next(undone, None) is None
