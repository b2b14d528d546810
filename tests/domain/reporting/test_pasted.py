"""Pasted callbacks: what they would make of a call, in each form that a person may copy."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlencode

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from app.cli.main import main
from app.domain.reporting.pasted import explain_text
from providers.base.pasted import MOST, NotReadable
from providers.registry import PROVIDERS
from tests.properties import examples
from tests.routes.api import Api

NOW = datetime(2026, 1, 5, 10, tzinfo=UTC)
LEG = {"AccountSid": "AC" + "0" * 32, "CallSid": "CA" + "1" * 32, "Direction": "inbound"}
TIMED = {"CallbackSource": "call-progress-events", "Timestamp": "Mon, 05 Jan 2026 09:00:01 +0000"}
TWILIO = [
    {**LEG, "CallStatus": "ringing", "From": "+14155550123", "To": "+14155550100"},
    {**LEG, **TIMED, "CallStatus": "completed", "CallDuration": "12", "SequenceNumber": "2"},
]
IDS = {"uuid": "aaaa-0", "conversation_uuid": "CON-1", "from": "447700900000"}
VONAGE: list[dict[str, Any]] = [
    {**IDS, "to": "447700900001"},
    {**IDS, "uuid": "aaaa-1", "to": "wss://bridge.example.com/m/x", "status": "answered",
     "timestamp": "2026-01-05T09:00:02Z"},
    {**IDS, "to": "447700900001", "status": "completed", "direction": "inbound", "duration": "9",
     "start_time": "2026-01-05T09:00:00Z", "end_time": "2026-01-05T09:00:09Z",
     "disconnected_by": "user", "timestamp": "2026-01-05T09:00:10Z"},
]  # fmt: skip


def har(requests: list[dict[str, Any]]) -> str:
    """As a proxy or a browser saves them."""
    entries = [
        {
            "startedDateTime": "2026-01-05T09:00:00Z",
            "request": {
                "method": "POST",
                "url": "https://bridge.example.com/any",
                "postData": {"params": [{"name": k, "value": v} for k, v in each.items()]},
            },
        }
        for each in requests
    ]
    return json.dumps({"log": {"entries": entries}})


FORMS = {
    "json lines": lambda them: "\n".join(map(json.dumps, them)),
    "json array": json.dumps,
    "form bodies": lambda them: "\n\n".join(map(urlencode, them)),
    "har": har,
    "requests": lambda them: json.dumps(
        [{"method": "GET", "url": f"https://bridge.example.com/any?{urlencode(e)}"} for e in them]
    ),
}


def explained(text: str) -> dict[str, Any]:
    return explain_text(text, PROVIDERS, NOW)


@pytest.mark.parametrize("form", FORMS.values(), ids=FORMS)
@pytest.mark.parametrize(("carrier", "them"), [("twilio", TWILIO), ("vonage", VONAGE)])
def test_every_form_says_the_same(form: Any, carrier: str, them: list[dict[str, Any]]) -> None:
    found = explained(form(them))
    assert found["problems"] == []
    (call,) = found["calls"]
    assert call["phoneCallProvider"] == carrier
    assert (call["status"], call["endedReason"]) == ("ended", "customer-ended-call")
    assert call["decidedBy"]["kind"] == "leg.ended"
    assert {step["at"][:16] for step in call["steps"]} == {"2026-01-05T09:00"}


def test_a_path_of_ours_says_which_callback_it_is() -> None:
    after = {
        "url": "https://b.example.com/twilio/after/token",
        "body": {**LEG, "CallStatus": "in-progress"},
    }
    (call,) = explained(json.dumps([TWILIO[0], after]))["calls"]
    assert [step["kind"] for step in call["steps"]] == [
        "call.created",
        "leg.fetched",
        "leg.continued",
    ]


def test_each_call_is_told_by_itself_and_what_is_none_is_said() -> None:
    other = {
        **TWILIO[1],
        "CallSid": "CA" + "2" * 32,
        "CallStatus": "busy",
        "Direction": "outbound-api",
    }
    text = FORMS["json lines"]([*TWILIO, other, {"hello": "world"}, {**LEG, "CallSid": "wrong"}])
    found = explained(text)
    assert [call["endedReason"] for call in found["calls"]] == [
        "customer-ended-call",
        "customer-busy",
    ]
    assert [each["callback"] for each in found["problems"]] == [4, 5]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "there is no callback in it"),
        ("hello", "line 1 is neither JSON nor a form"),
        ('{"a": 1}\n{"a"', "line 2 is not JSON"),
        ("[1]", "callback 1 is neither a JSON object nor a form"),
        ("a=1\n" * (MOST + 1), f"{MOST} are the limit"),
    ],
)
def test_what_cannot_be_read_is_said(text: str, why: str) -> None:
    with pytest.raises(NotReadable, match=why):
        explained(text)


KEYS = st.sampled_from(
    ["log", "entries", "request", "url", "method", "body", "postData", "params", "text", "CallSid",
     "AccountSid", "uuid", "status", "CallStatus", "to", "timestamp", "startedDateTime"]
)  # fmt: skip
ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(KEYS | st.text(max_size=4), inner, max_size=4)
    ),
    max_leaves=12,
)


@examples(150)
@given(ANY)
def test_nothing_that_is_pasted_breaks_it(value: Any) -> None:
    with suppress(NotReadable):
        explained(json.dumps(value))


def test_the_command_needs_nothing(tmp_path: Any) -> None:
    file = tmp_path / "callbacks.txt"
    file.write_text(FORMS["form bodies"](TWILIO))
    done = CliRunner().invoke(main, ["explain", str(file)])
    assert (done.exit_code, done.exception) == (0, None)
    assert "  endedReason: customer-ended-call\n  The other party hung up." in done.output
    as_json = CliRunner().invoke(main, ["explain", "--json", "-"], input=FORMS["har"](TWILIO))
    assert json.loads(as_json.output)["calls"][0]["status"] == "ended"
    wrong = CliRunner().invoke(main, ["explain", "-"], input="hello")
    assert (wrong.exit_code, wrong.stderr) == (
        1,
        "Error: stdin: line 1 is neither JSON nor a form\n",
    )


def test_the_request(api: Api) -> None:
    found = api.post("/explain", {"text": FORMS["json lines"](VONAGE)})
    assert found.status_code == 200, found.text
    assert found.json["calls"][0]["sentence"] == "The other party hung up."
    wrong = api.post("/explain", {"text": "hello"})
    assert (wrong.status_code, wrong.json["message"]) == (
        400,
        "text: line 1 is neither JSON nor a form",
    )
    assert api.get("/call").json == []
