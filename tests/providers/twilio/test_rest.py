"""Twilio's REST API, against a stand-in on the loopback address."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import pytest

from providers.base.instructions import MachineDetection
from providers.base.rest import OutboundCall, PlacedCall, Window
from providers.errors import CarrierError, NotConfigured
from providers.events import EndedReason, EventKind
from providers.testing.contract import ORIGIN, TOKEN, arrow
from providers.twilio import TWILIO, twiml
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.api import CALLS, client_of, login, problem
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, NEW_TOKEN, holding
from tests.providers.twilio.case import TOKEN as AUTH_TOKEN

STATUS_URL = f"{ORIGIN}/twilio/status/{TOKEN}"
ORDER = OutboundCall("+14155550123", "+12125550100", arrow(), STATUS_URL, max_duration=600)


def test_a_call_is_created_once_and_whole(api: RestApi) -> None:
    assert client_of(api).dial(ORDER) == PlacedCall(CALL_SID, CALL_SID)
    ((method, path, form, *_),) = api.asked
    assert (method, path) == ("POST", f"{CALLS}.json")
    assert form == {
        "To": ["+14155550123"],
        "From": ["+12125550100"],
        "Twiml": [twiml.document([ORDER.connect])],
        "TimeLimit": ["600"],
        "Timeout": ["60"],
        "StatusCallback": [f"{STATUS_URL}#rc=3&rp=all"],
        # Repeated: one value with spaces would be read as no event at all.
        "StatusCallbackEvent": ["initiated", "ringing", "answered", "completed"],
        "StatusCallbackMethod": ["POST"],
    }
    assert login(api) == f"{ACCOUNT_SID}:{AUTH_TOKEN}"


def test_a_hang_up_completes_the_call(api: RestApi) -> None:
    api.says(200, {"sid": CALL_SID, "status": "completed"})
    client_of(api).hang_up(CALL_SID, api_url="https://elsewhere.example")
    ((method, path, form, *_),) = api.asked
    assert (method, path, form) == ("POST", f"{CALLS}/{CALL_SID}.json", {"Status": ["completed"]})


def test_a_check_names_the_account(api: RestApi) -> None:
    api.says(200, {"sid": ACCOUNT_SID, "friendly_name": "Front desk", "status": "active"})
    assert client_of(api).check() == "Twilio account Front desk (active)"
    assert api.asked[0][:2] == ("GET", f"/2010-04-01/Accounts/{ACCOUNT_SID}.json")


def test_an_api_key_is_preferred_and_the_account_stays(api: RestApi) -> None:
    account = holding(AUTH_TOKEN, apiKey="SK1", apiSecret="s3cret")
    client_of(api, account).dial(ORDER)
    assert login(api) == "SK1:s3cret"
    assert api.asked[0].path == f"{CALLS}.json"


def test_the_newest_token_is_used_while_tokens_rotate(api: RestApi) -> None:
    client_of(api, holding(NEW_TOKEN, AUTH_TOKEN)).dial(ORDER)
    assert login(api) == f"{ACCOUNT_SID}:{NEW_TOKEN}"


def test_an_address_with_a_path_is_kept(api: RestApi) -> None:
    account = replace(holding(AUTH_TOKEN), api_url=f"{api.url}/proxy/")
    TWILIO.client(account).dial(ORDER)
    assert api.asked[0].path == f"/proxy{CALLS}.json"


def test_the_environment_moves_nothing(api: RestApi, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {
        "TWILIO_REGION": "au1",
        "TWILIO_EDGE": "sydney",
        "TWILIO_ACCOUNT_SID": "AC" + "00" * 16,
        "TWILIO_AUTH_TOKEN": "another",
    }.items():
        monkeypatch.setenv(name, value)
    client_of(api).dial(ORDER)
    assert api.asked[0].headers["host"] == api.url.removeprefix("http://")
    assert login(api) == f"{ACCOUNT_SID}:{AUTH_TOKEN}"


NEW_PROBLEM = {"type": "https://x", "title": "Busy", "status": 429, "code": 20429, "detail": "wait"}


@pytest.mark.parametrize(
    ("status", "body", "permanent", "code"),
    [
        (400, problem(21211), True, "21211"),  # no number
        (401, problem(20003), True, "20003"),  # wrong token
        (403, problem(21215), True, "21215"),  # no permission for that country
        (429, problem(20429), False, "20429"),  # too many at once
        (500, problem(20500), False, "20500"),
        (503, b"<html>sorry</html>", False, "503"),  # the SDK puts the status for a code
        (429, NEW_PROBLEM, False, "20429"),  # RFC 9457: the SDK's other, unrelated error
        (400, {**NEW_PROBLEM, "status": 400, "code": 21217}, True, "21217"),
        (302, {}, False, None),  # not followed
        (200, b"<html>hello</html>", False, None),  # a proxy's page
        (200, [1], False, None),
        (201, {"status": "queued"}, False, None),  # no sid
    ],
)
def test_an_error_says_whether_again_can_help(
    api: RestApi, status: int, body: Any, permanent: bool, code: str | None
) -> None:
    api.says(status, body)
    with pytest.raises(CarrierError) as caught:
        client_of(api).dial(ORDER)
    assert caught.value.permanent is permanent
    assert not caught.value.gone
    assert AUTH_TOKEN not in str(caught.value)
    if code:
        assert caught.value.code == code
    assert len(api.asked) == 1, "a create is never sent again"


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        (400, 21220, True),  # not in progress
        (404, 20404, True),  # no such call
        (404, 404, True),
        (400, 21218, False),
        (401, 20003, False),
    ],
)
def test_a_leg_that_is_over_already(api: RestApi, status: int, code: int, gone: bool) -> None:
    api.says(status, problem(code))
    with pytest.raises(CarrierError) as caught:
        client_of(api).hang_up(CALL_SID)
    assert caught.value.gone is gone


def test_an_api_that_does_not_answer_is_not_asked_twice(api: RestApi) -> None:
    api.hang()
    account = replace(holding(AUTH_TOKEN), api_url=api.url)
    with pytest.raises(CarrierError, match="cannot be reached") as caught:
        TWILIO.client(account, timeout=0.5).dial(ORDER)
    assert not caught.value.permanent
    assert len(api.asked) <= 1, "the call may be ringing"


def test_the_sdk_is_told_to_retry_nothing() -> None:
    client: Any = TWILIO.client(holding(AUTH_TOKEN), timeout=3.0)
    http = client._rest.http_client
    assert http.timeout == 3.0
    assert http.session.get_adapter("https://api.twilio.com/").max_retries.total == 0


def test_without_secrets_nothing_is_asked() -> None:
    client = TWILIO.client(holding())
    for ask in (lambda: client.dial(ORDER), lambda: client.hang_up(CALL_SID), client.check):
        with pytest.raises(NotConfigured, match="authTokens"):
            ask()


# ------------------------------------------------------------------ before and after


def test_an_extension_is_pressed_after_the_answer(api: RestApi) -> None:
    client_of(api).dial(replace(ORDER, extension="ww12#", ring_seconds=20))
    form = api.asked[0].body
    assert (form["SendDigits"], form["Timeout"]) == (["ww12#"], ["20"])


@pytest.mark.parametrize(
    "changes",
    [
        {"extension": "ask Ann"},
        {"extension": "1" * 33},  # Twilio takes 32
        {"status_url": "/relative"},
        {"connect": replace(ORDER.connect, media_url="wss://x/y?z=1")},
    ],
)
def test_what_twilio_has_no_words_for_is_refused_before_it_is_asked(
    api: RestApi, changes: dict[str, Any]
) -> None:
    order = replace(ORDER, **changes)
    for ask in (client_of(api).prepare, client_of(api).dial):
        with pytest.raises(CarrierError) as caught:
            ask(order)
        assert caught.value.permanent
    assert api.asked == []


def test_preparing_asks_nobody(api: RestApi) -> None:
    client_of(api).prepare(ORDER)
    assert api.asked == []
    with pytest.raises(NotConfigured, match="authTokens"):
        TWILIO.client(holding()).prepare(ORDER)


@pytest.mark.parametrize(("status", "busy"), [(429, True), (400, False), (503, False)])
def test_only_too_many_requests_is_a_busy_carrier(api: RestApi, status: int, busy: bool) -> None:
    api.says(status, problem(20429))
    with pytest.raises(CarrierError) as caught:
        client_of(api).dial(ORDER)
    assert caught.value.busy is busy


RESOURCE = {
    "sid": CALL_SID,
    "status": "completed",
    "direction": "outbound-api",
    "from": "+12125550100",
    "to": "+14155550123",
    "start_time": "Mon, 23 Nov 2026 12:00:05 +0000",
    "end_time": "Mon, 23 Nov 2026 12:00:45 +0000",
    "duration": "40",
}


def test_a_leg_is_fetched_as_its_callbacks_would_have_told_it(api: RestApi) -> None:
    api.says(200, RESOURCE)
    state = client_of(api).fetch(CALL_SID)
    assert (api.asked[0].method, api.asked[0].path) == (
        "GET",
        f"{CALLS.removesuffix('.json')}/{CALL_SID}.json",
    )
    assert (state.word, state.leg.leg_ref, state.leg.inbound) == ("completed", CALL_SID, False)
    told = [(e.kind, e.key, e.at.isoformat(), e.reason) for e in state.events]
    assert told == [
        (EventKind.LEG_ANSWERED, "reconciled:leg.answered", "2026-11-23T12:00:05+00:00", None),
        (
            EventKind.LEG_ENDED,
            "reconciled:leg.ended",
            "2026-11-23T12:00:45+00:00",
            EndedReason.CUSTOMER_ENDED_CALL,
        ),
    ]
    assert state.events[1].data == {"durationSeconds": 40}


@pytest.mark.parametrize(
    ("word", "direction", "reason"),
    [
        ("no-answer", "outbound-api", EndedReason.CUSTOMER_DID_NOT_ANSWER),
        ("no-answer", "inbound", EndedReason.CUSTOMER_ENDED_CALL),  # the caller gave up
        ("canceled", "outbound-dial", EndedReason.MANUALLY_CANCELED),
        ("failed", "outbound-api", EndedReason.TWILIO_FAILED_TO_CONNECT_CALL),
    ],
)
def test_a_leg_that_was_never_answered(
    api: RestApi, word: str, direction: str, reason: EndedReason
) -> None:
    api.says(200, {**RESOURCE, "status": word, "direction": direction, "start_time": None})
    (event,) = client_of(api).fetch(CALL_SID).events
    assert (event.kind, event.reason, event.generic) == (EventKind.LEG_ENDED, reason, False)


@pytest.mark.parametrize(
    ("price", "unit", "amount"),
    [
        ("-0.01400", "USD", "0.01400"),
        ("-0.013", "EUR", "0.013"),
        ("0", "USD", "0"),
        ("0.5", "USD", "-0.5"),  # given back
        (None, "USD", None),  # not fixed yet
        ("much", "USD", None),
        ("-0.014", None, None),  # of what?
    ],
)
def test_a_price_is_what_is_paid(
    api: RestApi, price: str | None, unit: str | None, amount: str | None
) -> None:
    api.says(200, {**RESOURCE, "price": price, "price_unit": unit})
    told = client_of(api).fetch(CALL_SID).events[1].data.get("price")
    wanted = {"amount": amount, "currency": unit, "leg": CALL_SID} if amount else None
    assert told == wanted


def test_a_leg_nobody_knows(api: RestApi) -> None:
    api.says(404, problem(20404))
    assert client_of(api).fetch(CALL_SID) is None
    api.says(500, problem(20500))
    with pytest.raises(CarrierError):
        client_of(api).fetch(CALL_SID)


NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
WINDOW = Window(NOON, NOON + timedelta(minutes=1))


def created(seconds: int, **fields: Any) -> dict[str, Any]:
    at = format_datetime(NOON + timedelta(seconds=seconds))
    return {**RESOURCE, "price": None, "price_unit": None, "date_created": at, **fields}


def test_a_placed_call_is_of_that_time_and_of_the_api(api: RestApi) -> None:
    calls = [created(61), created(5), created(5, direction="inbound"), created(-1)]
    api.says(200, {"calls": calls, "next_page_uri": None})
    found = client_of(api).find_placed("+14155550123", "+12125550100", WINDOW)
    assert [state.word for state in found] == ["completed"]
    assert "To=%2B14155550123" in api.asked[0].path


def test_a_full_page_of_that_time_says_nothing(api: RestApi) -> None:
    api.says(200, {"calls": [created(5)] * 50, "next_page_uri": None})
    with pytest.raises(CarrierError) as caught:
        client_of(api).find_placed("+14155550123", "+12125550100", WINDOW)
    assert not caught.value.permanent
    api.says(200, {"calls": [created(5)] * 49 + [created(-1)], "next_page_uri": None})
    assert len(client_of(api).find_placed("+14155550123", "+12125550100", WINDOW)) == 49


def test_a_call_is_listened_to_for_a_machine(api: RestApi) -> None:
    """Under the names of the API, whatever the SDK calls them."""
    url = f"{ORIGIN}/twilio/amd/{TOKEN}"
    machine = MachineDetection(False, 12, 2000, 800, 3000, url=url)
    client_of(api).dial(replace(ORDER, machine=machine))
    wanted = {
        "MachineDetection": ["Enable"],
        "AsyncAmd": ["true"],
        "AsyncAmdStatusCallback": [f"{url}#rc=3&rp=all"],
        "AsyncAmdStatusCallbackMethod": ["POST"],
        "MachineDetectionTimeout": ["12"],
        "MachineDetectionSpeechThreshold": ["2000"],
        "MachineDetectionSpeechEndThreshold": ["800"],
        "MachineDetectionSilenceTimeout": ["3000"],
    }
    form = api.asked[-1].body
    assert {name: form.get(name) for name in wanted} == wanted


def test_a_text_message(api: RestApi) -> None:
    sid = f"SM{'0' * 32}"
    api.reply("POST", (201, {"sid": sid}))
    assert client_of(api).send_text("+14155550123", "+12125550100", "Hello") == sid
    assert api.asked[-1].path.endswith("/Messages.json")
    wanted = {"To": ["+14155550123"], "From": ["+12125550100"], "Body": ["Hello"]}
    assert api.asked[-1].body == wanted
    api.reply("POST", (201, {}))
    with pytest.raises(CarrierError, match="gave it no sid"):
        client_of(api).send_text("+14155550123", "+12125550100", "Hello")


def test_a_leg_is_given_another_url(api: RestApi) -> None:
    api.says(200, {"sid": CALL_SID, "status": "in-progress"})
    client = client_of(api)
    assert client.can_redirect()
    client.redirect(CALL_SID, "https://bridge.example/twilio/wait/1")
    ((method, path, form, *_),) = api.asked
    assert (method, path) == ("POST", f"{CALLS}/{CALL_SID}.json")
    assert form == {"Url": ["https://bridge.example/twilio/wait/1"], "Method": ["POST"]}


def test_a_leg_that_is_over_cannot_be_given_one(api: RestApi) -> None:
    api.says(400, {"code": 21220, "message": "Call is not in-progress. Cannot redirect."})
    with pytest.raises(CarrierError) as caught:
        client_of(api).redirect(CALL_SID, "https://bridge.example/twilio/wait/1")
    assert caught.value.gone
