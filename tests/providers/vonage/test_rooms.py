"""A caller who waits for an operator, in Vonage's markup and words."""

from __future__ import annotations

import pytest

from providers.base.instructions import Fetch, Forward, Join, Listen, Park, Play
from providers.events import EndedReason, EventKind
from providers.vonage import ncco
from tests.providers.vonage.cases import FORWARDED, parsed

URL = "https://patchbay.example/vonage/x/t"


def test_a_caller_waits_for_the_moderator_and_then_asks() -> None:
    waits, asks = ncco.actions([Park("patchbay-1", URL, URL)])
    assert waits == {"action": "conversation", "name": "patchbay-1", "startOnEnter": False}
    assert (asks["action"], asks["eventUrl"]) == ("notify", [URL])


def test_music_of_the_plan() -> None:
    waits, _ = ncco.actions([Park("r", URL, URL, "https://x.example/a.mp3")])
    assert waits["musicOnHoldUrl"] == ["https://x.example/a.mp3"]


def test_the_operator_begins_and_ends_the_room() -> None:
    (joins,) = ncco.actions([Join("patchbay-1", 60)])
    assert joins == {
        "action": "conversation",
        "name": "patchbay-1",
        "startOnEnter": True,
        "endOnExit": True,
    }


@pytest.mark.parametrize(("seconds", "shown"), [(45, 45), (600, 60)])
def test_an_operator_is_listened_to(seconds: int, shown: int) -> None:
    (listens,) = ncco.actions([Listen(URL, seconds)])
    assert listens == {
        "action": "input",
        "type": ["speech"],
        "speech": {"startTimeout": shown, "endOnSilence": 1},
        "eventUrl": [URL],
        "eventMethod": "POST",
    }


def test_a_file_and_the_next_document() -> None:
    plays, asks = ncco.actions([Play("https://x.example/beep.wav"), Fetch(URL)])
    assert plays == {"action": "stream", "streamUrl": ["https://x.example/beep.wav"]}
    assert (asks["action"], asks["eventUrl"], asks["eventMethod"]) == ("notify", [URL], "POST")


def test_headers_of_a_sip_destination() -> None:
    """Vonage puts the X- in front of their names."""
    headers = {"X-Transfer-Summary": "Wants a desk.\n"}
    (connect,) = ncco.actions([Forward("sip:desk@pbx.example", URL, sip_headers=headers)])
    assert connect["endpoint"] == [
        {
            "type": "sip",
            "uri": "sip:desk@pbx.example",
            "headers": {"Transfer-Summary": "Wants a desk. "},
        }
    ]


@pytest.mark.parametrize(
    ("name", "changes", "kind", "told"),
    [
        ("operator", {}, EventKind.OPERATOR_ANSWERED, {}),
        ("spoke", {}, EventKind.OPERATOR_ANSWERED, {"spoke": True}),
        ("spoke_nothing", {}, EventKind.OPERATOR_ANSWERED, {"spoke": False}),
        ("operator_ringing", {}, EventKind.OPERATOR_RINGING, {}),
        ("operator_ringing", {"status": "answered"}, EventKind.NOTE, {}),
        ("operator_machine", {}, EventKind.OPERATOR_ANSWERED, {"machine": True}),
        ("operator_machine", {"status": "human"}, EventKind.NOTE, {}),
        ("operator_busy", {}, EventKind.OPERATOR_ENDED, {"outcome": "busy"}),
        (
            "operator_busy",
            {"status": "rejected"},
            EventKind.OPERATOR_ENDED,
            {"outcome": "rejected"},
        ),
        (
            "operator_busy",
            {"status": "completed"},
            EventKind.OPERATOR_ENDED,
            {"outcome": "completed"},
        ),
        ("operator_joined", {}, EventKind.OPERATOR_JOINED, {}),
    ],
)
def test_what_is_said_of_the_operators_leg(
    name: str, changes: dict[str, str], kind: EventKind, told: dict[str, object]
) -> None:
    report = parsed(name, changes)
    (event,) = report.events
    assert (report.leg, event.kind, report.unknown) == (None, kind, ())
    assert event.data.items() >= {"forwardLegRef": FORWARDED, **told}.items()
    assert "callRef" not in event.data  # the call stays where its own leg is


def test_the_operator_was_told() -> None:
    """Such a request names no leg."""
    report = parsed("briefed")
    assert (report.events[0].kind, report.asks) == (EventKind.OPERATOR_BRIEFED, True)


@pytest.mark.parametrize(
    ("status", "kind", "asks"),
    [
        ("answered", EventKind.NOTE, False),
        ("disconnected", EventKind.OPERATOR_TALKED, True),  # by us: what follows is asked
        ("failed", EventKind.OPERATOR_TALKED, True),
        ("completed", EventKind.NOTE, False),  # by the operator, of whose leg there is more
    ],
)
def test_the_operators_media_socket(status: str, kind: EventKind, asks: bool) -> None:
    """Its leg is not the operator's, and its address hides its token."""
    report = parsed("talked", {"status": status})
    (event,) = report.events
    assert (report.leg, event.kind, report.asks, report.unknown) == (None, kind, asks, ())
    assert "forwardLegRef" not in event.data
    assert event.data["mediaLegRef"] == "c6a3bacf-1d6e-4c1f-9d2c-3a1b8e5daf22"
    assert "str_0123456789abcdefghijkl" not in str(event.raw)


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        ({"dtmf": {"digits": "1", "timed_out": False}}, EventKind.OPERATOR_BRIEFED),
        ({"dtmf": {"digits": "", "timed_out": True}}, EventKind.NOTE),
        ({"speech": {"timeout_reason": "start_timeout"}}, EventKind.NOTE),
        ({"speech": {"results": [{"text": "Yes."}]}}, EventKind.OPERATOR_BRIEFED),
        (
            {"dtmf": {"digits": "1"}, "speech": {"timeout_reason": "start_timeout"}},
            EventKind.OPERATOR_BRIEFED,
        ),
    ],
)
def test_an_operator_who_is_asked_for_a_key_or_a_word(
    answer: dict[str, object], kind: EventKind
) -> None:
    """Without an answer the NCCO goes on: Vonage is told nothing."""
    report = parsed("briefed", {"payload": None, "uuid": FORWARDED, **answer})
    (event,) = report.events
    assert (event.kind, report.asks) == (kind, kind is EventKind.OPERATOR_BRIEFED)


def test_the_callers_conversation_is_over() -> None:
    report = parsed("room_left")
    (event,) = report.events
    assert (event.kind, report.asks) == (EventKind.FORWARD_ENDED, True)
    assert event.reason is EndedReason.ASSISTANT_FORWARDED_CALL
