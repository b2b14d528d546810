"""The fold replayed: what each event changed, what it lost to, and by which row."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import permutations

import pytest
from flask import Flask

from app.domain.calls.schedule import SETTLE
from app.domain.calls.state import EVIDENCE, SOURCE_CONTRADICTED, fold
from app.domain.reporting.explain import KINDS, ROWS, explain
from providers.base.carrier import NEVER_ANSWERED
from providers.events import CallEvent, EndedReason, EventKind
from tests.domain.live_call import Live
from tests.domain.timers import fire
from tests.routes.api import organisation

AT = datetime(2026, 1, 5, 10, tzinfo=UTC)
Kind, Reason = EventKind, EndedReason


def event(kind: Kind, second: float, reason: Reason | None = None, **more: object) -> CallEvent:
    return CallEvent(
        kind, AT + timedelta(seconds=second), f"{kind}:{second}", reason=reason, **more
    )  # type: ignore[arg-type]


CALL = (
    event(Kind.CREATED, 0),
    event(Kind.MEDIA_CONNECTED, 2, stream="a"),
    event(Kind.INTENT, 9, Reason.ASSISTANT_ENDED_CALL),
    event(Kind.LEG_ENDED, 10, Reason.CUSTOMER_ENDED_CALL, generic=True),
    event(Kind.MEDIA_STOPPED, 10.5, Reason.CUSTOMER_ENDED_CALL, generic=True, stream="a"),
    event(Kind.LEG_ENDED, 11, Reason.CUSTOMER_BUSY),
)


def test_every_kind_and_every_row_has_its_words() -> None:
    assert set(KINDS) == set(EventKind)
    assert set(range(len(ROWS))) == {*EVIDENCE.values(), SOURCE_CONTRADICTED}


@pytest.mark.parametrize("order", permutations(CALL), ids=str)
def test_the_same_evidence_decides_in_any_order(order: tuple[CallEvent, ...]) -> None:
    steps = explain(order, NEVER_ANSWERED)
    assert [step.event for step in steps] == list(order)
    assert {step.event.kind for step in steps if step.decides} == {Kind.INTENT}
    assert {step.row for step in steps if step.lost_to} == {5, 6, SOURCE_CONTRADICTED}
    state = fold(order, NEVER_ANSWERED)
    reasons = [step.changed["endedReason"][1] for step in steps if "endedReason" in step.changed]
    assert reasons[-1] == state.ended_reason == Reason.ASSISTANT_ENDED_CALL


def test_the_document_of_a_forward_is_no_return_to_the_assistant() -> None:
    """The call may have none: its number's hook has forwarded it."""
    again = CallEvent(Kind.REATTACHED, CALL[0].at, "1")
    forward = CallEvent(Kind.REATTACHED, CALL[0].at, "2", data={"forward": "x"})
    first, second = explain([again, forward], NEVER_ANSWERED)
    assert "assistant" in first.text
    assert "assistant" not in second.text


def test_what_an_event_did_and_what_it_lost_to() -> None:
    created, joined, intent, left, *_ = explain(CALL, NEVER_ANSWERED)
    assert created.changed == {"status": (None, "queued")}
    assert joined.changed["status"] == ("queued", "in-progress")
    assert intent.decides
    assert intent.why == f"It decides the reason: row 1, {ROWS[1]}."
    assert (left.changed, left.lost_to) == ({}, CALL[2])
    assert left.why == f"Row 5 ({ROWS[5]}) is weaker than row 1 ({ROWS[1]})."


def test_a_repetition_and_what_comes_after_the_end() -> None:
    settled = event(Kind.SETTLED, 9, Reason.ASSISTANT_ENDED_CALL)
    steps = explain([*CALL[:3], CALL[2], settled, CALL[3]])
    assert steps[3].why.startswith("It is a repetition")
    assert steps[4].why.startswith("The reason of the strongest evidence")
    assert steps[5].why.startswith("It came after the reason was frozen")
    assert [step.decides for step in steps].count(True) == 1


def test_within_a_row_the_specific_and_the_earlier_one_count() -> None:
    generic = event(Kind.LEG_ENDED, 1, Reason.CUSTOMER_ENDED_CALL, generic=True)
    early, late = (event(Kind.LEG_ENDED, at, Reason.VOICEMAIL) for at in (2, 3))
    told = [step.why for step in explain([generic, early, late])]
    assert "but generic" in told[0]
    assert "decides" in told[1]
    assert "but later" in told[2]


def test_a_call_of_the_api(app: Flask, live: Live) -> None:
    live.leg.say("completed")
    fire(app, SETTLE, live.id)
    found = live.api.get(f"/call/{live.id}/explain").json
    assert (found["status"], found["endedReason"]) == ("ended", "customer-ended-call")
    assert (found["sentence"], found["settled"]) == ("The other party hung up.", True)
    assert found["decidedBy"]["kind"] == "leg.ended"
    kinds = [each["kind"] for each in live.api.get(f"/call/{live.id}/events").json]
    assert [step["kind"] for step in found["steps"]] == kinds
    assert (
        organisation(app, "another", "another key of the tests")
        .get(f"/call/{live.id}/explain")
        .status_code
        == 404
    )
