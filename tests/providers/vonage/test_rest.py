"""The REST client, against a real HTTP server on loopback that stands in for Vonage's."""

from __future__ import annotations

import json
import logging
import subprocess
import sys
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from providers.base.instructions import MachineDetection
from providers.base.rest import CarrierClient, PlacedCall, Window
from providers.errors import CarrierError, NotConfigured
from providers.events import EndedReason, EventKind
from providers.vonage import VONAGE, sdk
from providers.vonage.rest import VonageClient
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.vonage.api import (
    CONNECT,
    CREATED,
    EVENTS,
    LEG,
    ORDER,
    PRIVATE_KEY,
    account,
)
from tests.providers.vonage.cases import API_KEY, APPLICATION

# ------------------------------------------------------------------ dial


def test_dial(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (201, CREATED))
    assert client.dial(ORDER) == PlacedCall("CON-1", LEG)
    ((method, path, body, *_),) = vonage.asked
    assert (method, path) == ("POST", "/v1/calls")
    assert body == {
        "to": [{"type": "phone", "number": "447700900123"}],
        "from": {"type": "phone", "number": "14155550100"},
        "ncco": json.loads(VONAGE.markup.answer([CONNECT]).body),
        "event_url": [EVENTS],
        "event_method": "POST",
        "length_timer": 600,
        "ringing_timer": 60,
    }


def test_the_longest_call_vonage_allows(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (201, CREATED))
    client.dial(replace(ORDER, max_duration=1_000_000))
    assert vonage.asked[0].body["length_timer"] == 86_400


def test_requests_carry_the_applications_token(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (201, CREATED))
    client.dial(ORDER)
    scheme, _, token = vonage.asked[0].headers["authorization"].partition(" ")
    public = serialization.load_pem_private_key(PRIVATE_KEY.encode(), None).public_key()
    assert scheme == "Bearer"
    assert jwt.decode(token, public, algorithms=["RS256"])["application_id"] == APPLICATION  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "permanent"),
    [
        (400, True),
        (401, True),
        (403, True),
        (404, True),
        (422, True),
        (429, False),  # three creates a second
        (500, False),
        (503, False),
    ],
)
def test_refused_calls(
    vonage: RestApi, client: CarrierClient, status: int, permanent: bool
) -> None:
    vonage.reply("POST", (status, {"title": "No", "detail": "because"}))
    with pytest.raises(CarrierError, match=f"{status}: No; because") as caught:
        client.dial(ORDER)
    error = caught.value
    assert (error.permanent, error.gone, error.code) == (permanent, False, str(status))
    assert len(vonage.asked) == 1  # never re-sent


@pytest.mark.parametrize(
    ("body", "text"),
    [
        ({"type": 400, "invalid_parameters": [{"name": "to", "reason": "bad"}]}, "bad"),
        ({"type": "BAD_REQUEST", "error_title": "Bad Request"}, "Bad Request"),
        ({"title": "x" * 1000}, "x" * 300),
        ("plain", "no explanation"),
        (None, "no explanation"),
    ],
)
def test_error_bodies_of_all_shapes(
    vonage: RestApi, client: CarrierClient, body: Any, text: str
) -> None:
    vonage.reply("POST", (400, body))
    with pytest.raises(CarrierError, match=text) as caught:
        client.dial(ORDER)
    assert len(str(caught.value)) < 350


def test_a_dropped_connection_is_not_dialled_again(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (0, None))
    with pytest.raises(CarrierError) as caught:
        client.dial(ORDER)
    assert not caught.value.permanent
    assert len(vonage.asked) == 1


@pytest.mark.parametrize("body", [None, [], {}, {"uuid": LEG}, {"uuid": 1, "conversation_uuid": 2}])
def test_a_call_without_a_name(vonage: RestApi, client: CarrierClient, body: Any) -> None:
    vonage.reply("POST", (201, body))
    with pytest.raises(CarrierError, match="did not name it") as caught:
        client.dial(ORDER)
    assert not caught.value.permanent  # it may ring


def test_redirects_are_not_followed(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (307, None))
    vonage.headers["Location"] = f"{vonage.url}/elsewhere"
    with pytest.raises(CarrierError, match="redirect") as caught:
        client.dial(ORDER)
    assert caught.value.permanent
    assert len(vonage.asked) == 1


@pytest.mark.parametrize("changes", [{"to": "reception"}, {"from_": ""}])
def test_numbers_vonage_cannot_dial(client: CarrierClient, changes: dict[str, str]) -> None:
    order = replace(ORDER, **changes)  # type: ignore[arg-type]
    with pytest.raises(CarrierError) as caught:
        client.dial(order)
    assert caught.value.permanent


# ------------------------------------------------------------------ hang up


def test_hang_up(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (204, None))
    client.hang_up(LEG)
    ((method, path, body, *_),) = vonage.asked
    assert (method, path, body) == ("PUT", f"/v1/calls/{LEG}", {"action": "hangup"})


def test_a_leg_whose_name_is_a_path(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (204, None))
    client.hang_up("../x?y#z")
    assert vonage.asked[0].path == "/v1/calls/..%2Fx%3Fy%23z"


def test_a_leg_nobody_knows_is_gone(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (404, {"title": "Not Found"}))
    with pytest.raises(CarrierError) as caught:
        client.hang_up(LEG)
    assert (caught.value.gone, caught.value.code) == (True, "404")


@pytest.mark.parametrize(
    ("leg", "gone"),
    [
        ((200, {"status": "completed"}), True),
        ((200, {"status": "busy"}), True),
        ((404, None), True),
        ((200, {"status": "started"}), False),  # too young: Vonage says 400 for a second or two
        ((200, {"status": "answered"}), False),
        ((500, None), False),
    ],
)
def test_a_refusal_is_looked_into(
    vonage: RestApi, client: CarrierClient, leg: tuple[int, Any], gone: bool
) -> None:
    vonage.reply("PUT", (400, {"title": "Bad Request"}))
    vonage.reply("GET", leg)
    with pytest.raises(CarrierError) as caught:
        client.hang_up(LEG)
    assert (caught.value.gone, caught.value.permanent) == (gone, gone)
    assert [method for method, *_ in vonage.asked] == ["PUT", "GET"]


@pytest.mark.parametrize(("status", "permanent"), [(401, True), (429, False), (503, False)])
def test_hang_ups_that_fail(
    vonage: RestApi, client: CarrierClient, status: int, permanent: bool
) -> None:
    vonage.reply("PUT", (status, None))
    with pytest.raises(CarrierError) as caught:
        client.hang_up(LEG)
    assert (caught.value.gone, caught.value.permanent) == (False, permanent)


def test_the_override_beats_the_region(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (204, None))
    client.hang_up(LEG, api_url="https://api-us-3.vonage.com")
    assert len(vonage.asked) == 1


@pytest.mark.parametrize(
    "region",
    [
        "https://evil.example",
        "http://api-us-3.vonage.com",
        "https://api-us-3.vonage.com:8443",
        "https://api.vonage.com@evil.example",
        "",
    ],
)
def test_our_token_goes_to_vonage_only(region: str) -> None:
    with pytest.raises(CarrierError, match="not one of Vonage's hosts"):
        VonageClient(account(None), timeout=30).hang_up(LEG, api_url=region)


# ------------------------------------------------------------------ check


def test_check(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("GET", (200, {"count": 0}))
    line = client.check()
    assert API_KEY in line
    assert APPLICATION in line
    assert vonage.asked[0].path == "/v1/calls?page_size=1"


def test_check_with_a_wrong_key(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("GET", (401, {"title": "Unauthorized"}))
    with pytest.raises(CarrierError, match="401: Unauthorized"):
        client.check()


# ------------------------------------------------------------------ set up


@pytest.mark.parametrize(
    "secrets",
    [
        {"applicationId": None},
        {"privateKey": None},
        {"privateKey": "-----BEGIN PRIVATE KEY-----\nnope\n-----END PRIVATE KEY-----\n"},
        {
            "privateKey": ec.generate_private_key(ec.SECP256R1())
            .private_bytes(
                serialization.Encoding.PEM,
                serialization.PrivateFormat.PKCS8,
                serialization.NoEncryption(),
            )
            .decode()
        },
    ],
    ids=["no application", "no key", "no real key", "a key of another kind"],
)
def test_what_the_api_needs(vonage: RestApi, secrets: dict[str, Any]) -> None:
    client = VONAGE.client(account(vonage.url, **secrets))
    for ask in (lambda: client.dial(ORDER), lambda: client.hang_up(LEG), client.check):
        with pytest.raises(NotConfigured, match="vonageApplication"):
            ask()
    assert vonage.asked == []


def test_keys_of_the_older_form(vonage: RestApi) -> None:
    key = serialization.load_pem_private_key(PRIVATE_KEY.encode(), None)
    older = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.TraditionalOpenSSL,
        serialization.NoEncryption(),
    ).decode()
    assert "BEGIN RSA PRIVATE KEY" in older
    vonage.reply("GET", (200, {}))
    VONAGE.client(account(vonage.url, privateKey=older)).check()


def test_an_api_below_a_path(vonage: RestApi) -> None:
    vonage.reply("PUT", (204, None))
    VONAGE.client(account(f"{vonage.url}/proxy/")).hang_up(LEG)
    assert vonage.asked[0].path == f"/proxy/v1/calls/{LEG}"


def test_no_token_is_logged(
    vonage: RestApi, client: CarrierClient, caplog: pytest.LogCaptureFixture
) -> None:
    vonage.reply("PUT", (401, None))
    with caplog.at_level(logging.DEBUG):
        for _ in range(2):  # the SDK logs the headers of the request before
            with suppress(CarrierError):
                client.hang_up(LEG)
    assert vonage.asked[0].headers["authorization"] not in caplog.text


def test_the_sdk_is_imported_on_first_use() -> None:
    """It takes over a second, which a process that only answers webhooks need not spend."""
    code = "import sys, providers.vonage; sys.exit('vonage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


# ------------------------------------------------------------------ before and after


def test_an_extension_is_pressed_after_the_answer(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (201, CREATED))
    client.dial(replace(ORDER, extension="w12#", ring_seconds=20))
    body = vonage.asked[0].body
    assert body["to"] == [{"type": "phone", "number": "447700900123", "dtmfAnswer": "p12#"}]
    assert body["ringing_timer"] == 20


@pytest.mark.parametrize(
    "changes",
    [
        {"extension": "ask Ann"},
        {"to": "sip:ann@example.com", "extension": "1"},  # no keys for SIP
        {"ring_seconds": 121},
        {"status_url": "relative", "to": "reception"},
    ],
)
def test_what_vonage_has_no_words_for_is_refused_before_it_is_asked(
    vonage: RestApi, client: CarrierClient, changes: dict[str, Any]
) -> None:
    order = replace(ORDER, **changes)
    for ask in (client.prepare, client.dial):
        with pytest.raises(CarrierError) as caught:
            ask(order)
        assert caught.value.permanent
    assert vonage.asked == []


def test_preparing_asks_nobody(vonage: RestApi, client: CarrierClient) -> None:
    client.prepare(ORDER)
    for secrets in ({"privateKey": None}, {"privateKey": "-----BEGIN NOTHING"}):
        with pytest.raises(NotConfigured, match="PrivateKey"):
            VONAGE.client(account(vonage.url, **secrets)).prepare(ORDER)
    assert vonage.asked == []


@pytest.mark.parametrize(("status", "busy"), [(429, True), (400, False), (503, False)])
def test_only_too_many_requests_is_a_busy_carrier(
    vonage: RestApi, client: CarrierClient, status: int, busy: bool
) -> None:
    vonage.reply("POST", (status, None))
    with pytest.raises(CarrierError) as caught:
        client.dial(ORDER)
    assert caught.value.busy is busy


RESOURCE = {
    "uuid": LEG,
    "conversation_uuid": "CON-1",
    "status": "completed",
    "direction": "outbound",
    "to": {"type": "phone", "number": "447700900123"},
    "from": {"type": "phone", "number": "14155550100"},
    "start_time": "2026-11-23 12:00:05",
    "end_time": "2026-11-23 12:00:45",
    "duration": "40",
    "price": "0.1",
}


def test_a_leg_is_fetched_as_its_events_would_have_told_it(
    vonage: RestApi, client: CarrierClient
) -> None:
    vonage.reply("GET", (200, RESOURCE))
    state = client.fetch(LEG)
    assert state is not None
    assert (vonage.asked[0].method, vonage.asked[0].path) == ("GET", f"/v1/calls/{LEG}")
    assert (state.word, state.leg.leg_ref, state.leg.to) == ("completed", LEG, "+447700900123")
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
    assert state.events[1].data["durationSeconds"] == 40
    assert state.events[1].raw == RESOURCE


@pytest.mark.parametrize(
    ("word", "direction", "reason"),
    [
        ("unanswered", "outbound", EndedReason.CUSTOMER_DID_NOT_ANSWER),
        ("busy", "outbound", EndedReason.CUSTOMER_BUSY),
        ("cancelled", "outbound", EndedReason.MANUALLY_CANCELED),
        ("cancelled", "inbound", EndedReason.CUSTOMER_ENDED_CALL),  # the caller gave up
        ("rejected", "outbound", EndedReason.VONAGE_REJECTED),
    ],
)
def test_a_leg_that_was_never_answered(
    vonage: RestApi, client: CarrierClient, word: str, direction: str, reason: EndedReason
) -> None:
    times = {"start_time": None, "duration": None}
    vonage.reply("GET", (200, {**RESOURCE, **times, "status": word, "direction": direction}))
    state = client.fetch(LEG)
    assert state is not None
    (event,) = state.events
    assert (event.kind, event.reason, event.generic) == (EventKind.LEG_ENDED, reason, False)


def test_a_leg_nobody_knows(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("GET", (404, {"title": "Not Found"}))
    assert client.fetch(LEG) is None
    for answer in ((500, None), (200, {}), (200, None)):
        vonage.reply("GET", answer)
        with pytest.raises(CarrierError):
            client.fetch(LEG)


NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
OTHER = {**RESOURCE, "uuid": "another", "to": {"type": "phone", "number": "447700900199"}}


def page(*legs: dict[str, Any]) -> tuple[int, Any]:
    return 200, {"_embedded": {"calls": list(legs)}}


def find(client: CarrierClient) -> list[str]:
    window = Window(NOW, NOW)
    found = client.find_placed("+447700900123", "+14155550100", window)
    return [state.leg.leg_ref for state in found]


def test_a_placed_leg_is_looked_for_on_every_page(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("GET", page(*[OTHER] * 100), page(OTHER, RESOURCE))
    assert find(client) == [LEG]
    assert [f"record_index={first}" in vonage.asked[n].path for n, first in ((0, 0), (1, 100))]


@pytest.mark.parametrize("answer", [page(*[OTHER] * 100), (200, {}), (200, None), page("leg")])  # type: ignore[arg-type]
def test_a_list_that_does_not_end_or_is_none_says_nothing(
    vonage: RestApi, client: CarrierClient, answer: tuple[int, Any]
) -> None:
    vonage.reply("GET", answer)
    with pytest.raises(CarrierError) as caught:
        find(client)
    assert not caught.value.permanent
    assert len(vonage.asked) <= 10


def test_a_call_is_listened_to_for_a_machine(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (201, CREATED))
    client.dial(replace(ORDER, machine=MachineDetection(greeting=True)))
    assert vonage.asked[0].body["advanced_machine_detection"] == {
        "behavior": "continue",
        "mode": "detect",
    }


# ------------------------------------------------------------------ which host


@pytest.fixture
def hosts(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The URLs that are asked where no address overrides them; nothing is sent."""
    asked: list[str] = []

    def ask(http: object, method: str, url: str, *_: object) -> dict[str, Any]:
        asked.append(url)
        return {**CREATED, "numbers": [{"msisdn": "14155550100", "app_id": APPLICATION}]}

    monkeypatch.setattr(sdk, "ask", ask)
    return asked


@pytest.mark.parametrize(
    ("region", "host"),
    [
        (None, "https://api.nexmo.com"),  # a call of no known region
        ("https://api-us-3.vonage.com", "https://api-us-3.vonage.com"),
        ("https://api-ap-4.vonage.com/", "https://api-ap-4.vonage.com"),
        ("https://api.nexmo.com", "https://api.nexmo.com"),
    ],
)
def test_a_call_is_asked_of_the_region_that_owns_it(
    hosts: list[str], region: str | None, host: str
) -> None:
    """The wrong one answers 404."""
    client = VonageClient(account(None), timeout=30)
    client.hang_up(LEG, api_url=region)
    client.fetch(LEG, api_url=region)
    assert hosts == [f"{host}/v1/calls/{LEG}"] * 2


def test_what_belongs_to_no_call_is_asked_at_home(hosts: list[str]) -> None:
    client = VonageClient(account(None, apiSecret="s3cret"), timeout=30)
    client.dial(ORDER)
    client.check()
    client.number("+14155550100")
    assert hosts == [
        "https://api.nexmo.com/v1/calls",
        "https://api.nexmo.com/v1/calls",
        "https://rest.nexmo.com/account/numbers",
        f"https://api.nexmo.com/v2/applications/{APPLICATION}",
    ]


@pytest.mark.parametrize(
    ("word", "over"),
    [
        ("completed", True),
        ("busy", True),
        ("cancelled", True),
        ("failed", True),
        ("rejected", True),
        ("timeout", True),
        ("unanswered", True),
        ("disconnected", True),  # a socket's leg
        ("started", False),
        ("ringing", False),
        ("answered", False),
        ("human", False),
        ("machine", False),
        ("levitating", False),
    ],
)
def test_which_legs_cannot_be_hung_up_any_more(
    vonage: RestApi, client: CarrierClient, word: str, over: bool
) -> None:
    vonage.reply("PUT", (400, None))
    vonage.reply("GET", (200, {"status": word}))
    with pytest.raises(CarrierError) as caught:
        client.hang_up(LEG)
    assert caught.value.gone is over


# ------------------------------------------------------------------ keys and texts


def test_keys_are_pressed_with_vonages_pause(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (200, {"message": "DTMF sent", "uuid": LEG}))
    assert client.press_keys(LEG, "1w*#")
    ((method, path, body, *_),) = vonage.asked
    assert (method, path, body) == ("PUT", f"/v1/calls/{LEG}/dtmf", {"digits": "1p*#"})
    assert not client.press_keys(LEG, "A")  # no phone of today has it: by the sound


def test_a_text_message(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("POST", (202, {"message_uuid": "m1"}))
    assert client.send_text("+14155550123", "+14155550100", "Hello") == "m1"
    ((method, path, body, *_),) = vonage.asked
    assert (method, path) == ("POST", "/v1/messages")
    assert body == {
        "channel": "sms",
        "message_type": "text",
        "text": "Hello",
        "to": "14155550123",
        "from": "14155550100",
    }
    vonage.reply("POST", (202, {}))
    with pytest.raises(CarrierError, match="did not name it"):
        client.send_text("+14155550123", "+14155550100", "Hello")


# ------------------------------------------------------------------ redirect


def test_a_leg_is_given_an_ncco_that_asks(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (204, None))
    assert client.can_redirect()
    client.redirect(LEG, "https://bridge.example/vonage/wait/1")
    ((method, path, body, *_),) = vonage.asked
    assert (method, path, body["action"]) == ("PUT", f"/v1/calls/{LEG}", "transfer")
    [ask] = body["destination"]["ncco"]
    assert (ask["action"], ask["eventUrl"]) == ("notify", ["https://bridge.example/vonage/wait/1"])


def test_a_leg_that_is_over_cannot_be_given_one(vonage: RestApi, client: CarrierClient) -> None:
    vonage.reply("PUT", (404, {"title": "Not Found"}))
    with pytest.raises(CarrierError) as caught:
        client.redirect(LEG, "https://bridge.example/vonage/wait/1")
    assert caught.value.gone
