"""Twilio's SDK, held to our rules: every error of the API in our words, nothing sent twice."""

from __future__ import annotations

import logging
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

import pytest

from providers.base.rest import CarrierClient
from providers.errors import CarrierError, NotConfigured
from providers.testing.contract import ORIGIN, TOKEN
from providers.twilio import TWILIO, sdk
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.api import client_of, login, problem
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, NEW_TOKEN, holding
from tests.providers.twilio.case import TOKEN as AUTH_TOKEN
from tests.providers.twilio.test_rest import ORDER

RECORDING_SID = "RE" + "7c6b5a49" * 4

ASKS: Mapping[str, Callable[[CarrierClient], object]] = {
    "dial": lambda client: client.dial(ORDER),
    "hang up": lambda client: client.hang_up(CALL_SID),
    "fetch": lambda client: client.fetch(CALL_SID),
    "record": lambda client: client.start_recording(CALL_SID, f"{ORIGIN}/r/{TOKEN}"),
    "stop recording": lambda client: client.stop_recording(CALL_SID, RECORDING_SID),
    "check": lambda client: client.check(),
    "number": lambda client: client.number("+12125550100"),
}
"""Everything the SDK is used for."""
each_ask = pytest.mark.parametrize("ask", ASKS.values(), ids=list(ASKS))


def failed(
    client: CarrierClient, ask: Callable[[CarrierClient], object] = ASKS["dial"]
) -> CarrierError:
    with pytest.raises(CarrierError) as caught:
        ask(client)
    return caught.value


# ------------------------------------------------------------------ Twilio's errors


@pytest.mark.parametrize(
    ("status", "code", "permanent", "gone", "busy"),
    [
        (400, 21211, True, False, False),  # invalid To
        (400, 21217, True, False, False),  # the number does not appear to be valid
        (400, 21212, True, False, False),  # invalid From
        (400, 21210, True, False, False),  # From is not one of the account's
        (400, 21214, True, False, False),  # To cannot be reached
        (400, 21215, True, False, False),  # no permission for that country
        (400, 21216, True, False, False),  # on the blocklist
        (400, 21219, True, False, False),  # a trial account, an unverified number
        (400, 32018, True, False, False),  # over 4000 characters of TwiML
        (400, 21220, True, True, False),  # the call is not in progress
        (400, 20404, True, True, False),  # its code says it, whatever the status
        (401, 20003, True, False, False),  # wrong token
        (403, 20003, True, False, False),  # suspended
        (404, 20404, True, True, False),  # no such resource
        (405, 20004, True, False, False),  # method not allowed
        (408, 20408, False, False, False),  # too slow: about the moment
        (409, 20409, True, False, False),  # a conflict
        (425, 20425, False, False, False),  # too early
        (429, 20429, False, False, True),  # too many at once
        (429, 10004, False, False, True),  # too many calls at once
        (500, 20500, False, False, False),
        (502, 20502, False, False, False),
        (503, 20503, False, False, False),
        (504, 20504, False, False, False),
    ],
)
def test_an_error_in_our_words(
    api: RestApi, status: int, code: int, permanent: bool, gone: bool, busy: bool
) -> None:
    api.says(status, problem(code, "because"))
    error = failed(client_of(api))
    assert (error.permanent, error.gone, error.busy) == (permanent, gone, busy)
    assert error.code == str(code)
    assert str(error) == f"Twilio answered {status} ({code}): Unable to create record: because"
    assert len(api.asked) == 1, "never sent again"


@each_ask
def test_a_server_error_is_worth_another_try(
    api: RestApi, ask: Callable[[CarrierClient], object]
) -> None:
    api.says(503, problem(20503))
    error = failed(client_of(api), ask)
    assert (error.permanent, error.gone, error.busy) == (False, False, False)
    assert len(api.asked) == 1


@each_ask
def test_a_wrong_token_is_not(api: RestApi, ask: Callable[[CarrierClient], object]) -> None:
    api.says(401, problem(20003, "Authenticate"))
    error = failed(client_of(api), ask)
    assert error.permanent
    assert AUTH_TOKEN not in str(error)


@each_ask
def test_no_request_waits_as_long_as_twilio_says(
    api: RestApi, ask: Callable[[CarrierClient], object]
) -> None:
    """``Retry-After`` is for the queue above: a client that sleeps holds a thread."""
    api.headers["Retry-After"] = "3600"
    api.says(429, problem(20429))
    assert failed(client_of(api), ask).busy
    assert len(api.asked) == 1


@each_ask
@pytest.mark.parametrize(
    "page",
    [
        b"<html>hello</html>",  # a proxy's page
        b"",
        b"[1]",
        b'"sid"',
        b"null",
        b'{"sid": ',  # cut off
        b"\xff\xfe",
    ],
    ids=ascii,
)
def test_an_answer_that_is_no_json_object(
    api: RestApi, ask: Callable[[CarrierClient], object], page: bytes
) -> None:
    api.says(200, page)
    client = client_of(api)
    if page in (b"", b"\xff\xfe") and ask is ASKS["record"]:
        assert ask(client) is None  # the status alone says yes: no ref is made up
        return
    with pytest.raises(CarrierError) as caught:
        ask(client)
    assert (caught.value.permanent, caught.value.busy) == (False, False)


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # RFC 9457, of which the SDK makes an error of another family.
        ({"title": "Busy", "status": 429, "code": 20429, "detail": "wait"}, "wait"),
        ({"title": "Busy", "status": 429, "code": 20429}, "Busy"),
        (problem(20429, "Too many requests"), "Too many requests"),
    ],
)
def test_both_forms_of_an_error_are_read(api: RestApi, body: dict[str, Any], words: str) -> None:
    if "title" in body:
        body = {"type": "https://www.twilio.com/docs/api/errors/20429", **body}
    api.says(429, body)
    error = failed(client_of(api))
    assert (error.code, error.busy, words in str(error)) == ("20429", True, True)


@each_ask
def test_a_server_that_never_answers(api: RestApi, ask: Callable[[CarrierClient], object]) -> None:
    api.hang()
    client = TWILIO.client(replace(holding(AUTH_TOKEN), api_url=api.url), timeout=0.2)
    error = failed(client, ask)
    assert "cannot be reached" in str(error)
    assert (error.permanent, error.gone, error.busy) == (False, False, False)
    assert len(api.asked) <= 1, "the call may be ringing"


@pytest.mark.parametrize(
    ("status", "body", "words"),
    [
        (404, problem(20404, "not found"), "Twilio answered 404 (20404): not found"),
        (429, problem(20429), "Twilio answered 429 (20429): no"),
        (503, b"<html>sorry</html>", "Twilio answered 503: no explanation"),
        (500, [], "Twilio answered 500: no explanation"),
        (400, {"message": "x" * 1000}, f"Twilio answered 400: {'x' * 300}"),
    ],
    ids=str,
)
def test_a_refused_list_says_what_twilio_says(
    api: RestApi, status: int, body: Any, words: str
) -> None:
    """The SDK has an error of its own for a list, which knows neither status nor code."""
    api.says(status, body)
    error = failed(client_of(api), ASKS["number"])
    assert str(error) == words
    assert error.permanent is (status in (400, 404))
    assert error.gone is (status == 404)


def test_a_redirect_is_not_followed(api: RestApi) -> None:
    api.headers["Location"] = f"{api.url}/elsewhere"
    api.says(302, {})
    assert not failed(client_of(api)).permanent
    assert len(api.asked) == 1


# ------------------------------------------------------------------ who asks


@each_ask
def test_every_request_is_of_the_account(
    api: RestApi, ask: Callable[[CarrierClient], object]
) -> None:
    api.says(500, problem(20500))
    failed(client_of(api), ask)
    assert login(api) == f"{ACCOUNT_SID}:{AUTH_TOKEN}"
    assert api.asked[0].path.startswith(f"/2010-04-01/Accounts/{ACCOUNT_SID}")


@pytest.mark.parametrize(
    ("secrets", "pair"),
    [
        ({"authTokens": ["t"]}, (ACCOUNT_SID, "t")),
        ({"authTokens": ["new", "old"]}, (ACCOUNT_SID, "new")),  # a rotation: newest first
        ({"authTokens": ["t"], "apiKey": "SK1", "apiSecret": "s"}, ("SK1", "s")),
        ({"apiKey": "SK1", "apiSecret": "s"}, ("SK1", "s")),  # REST alone needs no token
        ({"authTokens": ["t"], "apiKey": "SK1"}, (ACCOUNT_SID, "t")),  # half a key is none
    ],
)
def test_the_login(secrets: dict[str, Any], pair: tuple[str, str]) -> None:
    assert sdk.login(replace(holding(), secrets=secrets)) == pair


@each_ask
@pytest.mark.parametrize("secrets", [{}, {"authTokens": []}, {"apiSecret": "s"}], ids=str)
def test_without_a_login_nothing_is_asked(
    api: RestApi, ask: Callable[[CarrierClient], object], secrets: dict[str, Any]
) -> None:
    client = client_of(api, replace(holding(), secrets=secrets))
    with pytest.raises(NotConfigured, match=f"{ACCOUNT_SID} has no authTokens and no apiKey"):
        ask(client)
    assert api.asked == []


# ------------------------------------------------------------------ what the SDK would do else


def test_an_address_replaces_the_sdks_own_and_keeps_the_rest(api: RestApi) -> None:
    api.says(200, {"incoming_phone_numbers": []})
    account = replace(holding(NEW_TOKEN), api_url=f"{api.url}/a/b/")
    failed(TWILIO.client(account), ASKS["number"])
    path, _, query = api.asked[0].path.partition("?")
    assert path == f"/a/b/2010-04-01/Accounts/{ACCOUNT_SID}/IncomingPhoneNumbers.json"
    assert "PhoneNumber=%2B12125550100" in query


def test_no_phone_number_is_logged(api: RestApi, caplog: pytest.LogCaptureFixture) -> None:
    """The SDK writes every URL with its query at INFO."""
    api.says(200, {"incoming_phone_numbers": []})
    with caplog.at_level(logging.INFO):
        failed(client_of(api), ASKS["number"])
    assert api.asked
    assert "2125550100" not in caplog.text
    assert AUTH_TOKEN not in caplog.text


def test_the_sdk_is_imported_on_first_use() -> None:
    """It takes a second, which a process that only answers webhooks need not spend."""
    code = "import sys, providers.twilio; sys.exit('twilio.rest' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
