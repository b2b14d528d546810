"""A destination's transferPlan, read and judged."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant import transfer_plan
from app.domain.assistant.behaviour import behaviour_problems
from app.domain.assistant.transfer_plan import (
    NO_SUMMARY,
    SUMMARY_HEADER,
    Mode,
    problem,
    read,
    sip_headers,
)
from providers.twilio import twiml

NO_URLS = [
    "x.mp3",
    "https:///x.mp3",
    "https://[x/",
    "https://x.example/\x01",
    "https://x.example/\ud800",
    "https://x.example/\u00e4.mp3",
    "https://x.example/a b",
    "https://x.example/" + "a" * 1000,
]


def plan(**fields: Any) -> dict[str, Any]:
    return {"type": "number", "number": "+14155550188", "transferPlan": fields}


@pytest.mark.parametrize(
    ("mode", "warm", "summary", "machine", "listens"),
    [
        (Mode.BLIND, False, False, False, False),
        (Mode.BLIND_SUMMARY, False, True, False, False),
        (Mode.SAY_MESSAGE, True, False, False, False),
        (Mode.SAY_SUMMARY, True, True, False, False),
        (Mode.TWIML, True, False, False, False),
        (Mode.WAIT_MESSAGE, True, False, False, True),
        (Mode.WAIT_SUMMARY, True, True, False, True),
        (Mode.EXPERIMENTAL, True, True, True, False),  # it has no message
    ],
)
def test_the_modes(mode: Mode, warm: bool, summary: bool, machine: bool, listens: bool) -> None:
    found = read(plan(mode=mode))
    assert (found.is_warm, found.wants_summary) == (warm, summary)
    assert (found.detects_machine, bool(found.listen_seconds)) == (machine, listens)
    assert problem(plan(mode=mode)) is None


def test_no_plan_is_a_blind_transfer() -> None:
    assert read({"type": "number"}).mode is Mode.BLIND
    assert problem({"type": "number"}) is None


@pytest.mark.parametrize(
    ("fields", "summary", "told"),
    [
        ({"mode": Mode.SAY_MESSAGE, "message": "A caller."}, "", "A caller."),
        ({"mode": Mode.SAY_MESSAGE, "message": {"content": "A caller."}}, "", "A caller."),
        ({"mode": Mode.SAY_MESSAGE, "message": {"contents": [{"text": "Hi."}]}}, "", "Hi."),
        ({"mode": Mode.SAY_MESSAGE}, "", NO_SUMMARY),
        ({"mode": Mode.SAY_SUMMARY, "message": "A caller."}, "Wants a desk.", "Wants a desk."),
        ({"mode": Mode.SAY_SUMMARY, "message": "A caller."}, "", "A caller."),  # no answer in time
        ({"mode": Mode.SAY_SUMMARY}, "", NO_SUMMARY),
        ({"mode": Mode.EXPERIMENTAL, "message": "A caller."}, "unasked", "A caller."),
        ({"mode": Mode.SAY_SUMMARY, "summaryPlan": {"enabled": False}}, "unasked", NO_SUMMARY),
    ],
)
def test_what_the_operator_hears(fields: dict[str, Any], summary: str, told: str) -> None:
    assert read(plan(**fields)).briefing(summary) == told


def test_seconds_and_their_defaults() -> None:
    found = read(plan(mode=Mode.WAIT_MESSAGE, dialTimeout=20, timeout=30))
    assert (found.ring_seconds, found.rings_at_most, found.listen_seconds) == (20, True, 30)
    found = read(plan(mode=Mode.WAIT_MESSAGE))
    assert (found.ring_seconds, found.rings_at_most, found.listen_seconds) == (60, False, 60)


def test_a_fallback_ends_the_call_unless_it_says_no() -> None:
    fallback = read(plan(mode=Mode.SAY_MESSAGE, fallbackPlan={"message": "Sorry."})).fallback
    assert fallback == transfer_plan.Fallback("Sorry.", ends_call=True)
    goes_on = {"message": "Sorry.", "endCallEnabled": False}
    found = read(plan(mode=Mode.SAY_MESSAGE, fallbackPlan=goes_on)).fallback
    assert found is not None
    assert not found.ends_call


@pytest.mark.parametrize(
    ("destination", "field"),
    [
        ({"transferPlan": "warm"}, "transferPlan must be an object"),
        ({"transferPlan": {}}, "transferPlan.mode"),
        ({"transferPlan": {"mode": "warm"}}, "transferPlan.mode"),
        ({"transferPlan": {"mode": Mode.BLIND, "dialTimeout": 601}}, "transferPlan.dialTimeout"),
        ({"transferPlan": {"mode": Mode.BLIND, "timeout": True}}, "transferPlan.timeout"),
        ({"transferPlan": {"mode": Mode.BLIND, "holdAudioUrl": "x.mp3"}}, "holdAudioUrl"),
        ({"sipHeaders": ["a"]}, "sipHeaders"),
        ({"sipHeaders": {"X Y": "a"}}, "sipHeaders"),
        ({"sipHeaders": {"X-Y": {"a": "b"}}}, "sipHeaders"),
        ({"sipHeaders": {"A": "a" * 600, "B": "b" * 600}}, "1024 characters"),
        ({"sipHeaders": {"A": "\u00e4" * 200}}, "1024 characters"),  # six each in a URI
        ({"type": "sip", "extension": "12"}, "extension is for numbers only"),
        *(
            ({"transferPlan": {"mode": Mode.SAY_MESSAGE, name: url}}, name)
            for name in ("holdAudioUrl", "transferCompleteAudioUrl")
            for url in NO_URLS
        ),
    ],
)
def test_what_is_not_valid(destination: dict[str, Any], field: str) -> None:
    assert field in str(problem({"type": "number", **destination}))


def test_an_assistant_whose_tool_cannot_transfer_is_refused_with_it() -> None:
    tool = {"type": "transferCall", "destinations": [plan(mode=Mode.BLIND), plan(mode="hot")]}
    (found,) = behaviour_problems({"model": {"tools": [{"type": "endCall"}, tool]}}, "assistant.")
    assert found.startswith("assistant.model.tools.1.destinations.1.transferPlan.mode")


def test_a_header_is_one_line() -> None:
    """What a caller or a model says may have line breaks, which would begin another header."""
    given = {"sipHeaders": {"Name": "Ann\r\nX-Admin: yes\x00"}}
    found = sip_headers(given, "One.\n\nTwo.\ud800")
    assert found == {"X-Name": "Ann X-Admin: yes", SUMMARY_HEADER: "One. Two."}


@pytest.mark.parametrize("summary", ["word " * 400, "\u00e4" * 1000, "a" * 5000])
def test_a_summary_has_the_room_that_the_headers_leave(summary: str) -> None:
    """Twilio's document could not be written otherwise, and the caller's leg would end."""
    given = {"sipHeaders": {"A": "a" * 500}}
    found = sip_headers(given, summary)
    assert len(found["X-A"]) == 500
    assert 50 < len(found[SUMMARY_HEADER]) < 1000
    assert len(twiml.sip("sip:desk@pbx.example", found)) <= 1024 + len("sip:desk@pbx.example?")


def test_headers_without_room_have_no_summary() -> None:
    given = {"sipHeaders": {"A": "a" * 900, "B": "b" * 100}}
    assert [*sip_headers(given, "A summary.")] == ["X-A", "X-B"]


def test_headers_have_their_prefix_once() -> None:
    given = {"sipHeaders": {"X-Desk": "billing", "Urgent": True}}
    assert sip_headers(given) == {"X-Desk": "billing", "X-Urgent": "True"}
