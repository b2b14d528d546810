"""Vonage's SDK, held to our rules: every error of the API in our words, nothing sent twice."""

from __future__ import annotations

import base64
import io
from collections.abc import Callable, Mapping
from types import SimpleNamespace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from providers.base.rest import CarrierClient
from providers.errors import CarrierError, NotConfigured
from providers.vonage import VONAGE, sdk
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.vonage.api import LEG, ORDER, PRIVATE_KEY, account
from tests.providers.vonage.cases import API_KEY, APPLICATION

ASKS: Mapping[str, tuple[str, Callable[[CarrierClient], object]]] = {
    "dial": ("POST", lambda client: client.dial(ORDER)),
    "hang up": ("PUT", lambda client: client.hang_up(LEG)),
    "keys": ("PUT", lambda client: client.press_keys(LEG, "1")),
    "text": ("POST", lambda client: client.send_text("+14155550123", "+14155550100", "Hi")),
    "fetch": ("GET", lambda client: client.fetch(LEG)),
    "check": ("GET", lambda client: client.check()),
    "number": ("GET", lambda client: client.number("+14155550100")),
}
"""Everything the SDK is used for, and the method it is asked by."""
each_ask = pytest.mark.parametrize(("method", "ask"), ASKS.values(), ids=list(ASKS))


@pytest.fixture
def whole(vonage: RestApi) -> CarrierClient:
    """A client that has every secret."""
    return VONAGE.client(account(vonage.url, apiSecret="s3cret"), timeout=30)


def failed(client: CarrierClient, ask: Callable[[CarrierClient], object]) -> CarrierError:
    with pytest.raises(CarrierError) as caught:
        ask(client)
    return caught.value


# ------------------------------------------------------------------ Vonage's errors


@pytest.mark.parametrize(
    ("status", "permanent", "busy"),
    [
        (400, True, False),  # a wrong request
        (401, True, False),  # a wrong key
        (402, True, False),  # no money left
        (403, True, False),  # not this application's
        (405, True, False),
        (408, False, False),  # too slow: about the moment
        (409, True, False),  # a conflict
        (415, True, False),
        (422, True, False),
        (425, False, False),
        (429, False, True),  # over three creates a second
        (500, False, False),
        (502, False, False),
        (503, False, False),
        (504, False, False),
    ],
)
def test_an_error_in_our_words(
    vonage: RestApi, whole: CarrierClient, status: int, permanent: bool, busy: bool
) -> None:
    vonage.reply("POST", (status, {"title": "No", "detail": "because"}))
    error = failed(whole, ASKS["dial"][1])
    assert (error.permanent, error.busy, error.gone) == (permanent, busy, False)
    assert error.code == str(status)
    assert str(error) == f"Vonage answered {status}: No; because"
    assert len(vonage.asked) == 1, "never sent again"


@each_ask
@pytest.mark.parametrize(("status", "permanent"), [(401, True), (503, False)])
def test_every_request_has_the_same_errors(
    vonage: RestApi,
    whole: CarrierClient,
    method: str,
    ask: Callable[[CarrierClient], object],
    status: int,
    permanent: bool,
) -> None:
    vonage.reply(method, (status, {"title": "No"}))
    error = failed(whole, ask)
    assert (error.permanent, error.gone, error.code) == (permanent, False, str(status))
    assert "s3cret" not in str(error)
    assert len(vonage.asked) == 1


@each_ask
def test_no_request_waits_as_long_as_vonage_says(
    vonage: RestApi, whole: CarrierClient, method: str, ask: Callable[[CarrierClient], object]
) -> None:
    """``Retry-After`` is for the queue above: a client that sleeps holds a thread."""
    vonage.headers["Retry-After"] = "3600"
    vonage.reply(method, (429, None))
    assert failed(whole, ask).busy
    assert len(vonage.asked) == 1


@each_ask
def test_a_dropped_connection_is_worth_another_try(
    vonage: RestApi, whole: CarrierClient, method: str, ask: Callable[[CarrierClient], object]
) -> None:
    """The SDK's own habit was to send a create ten times, anything else forty."""
    vonage.reply(method, (0, None))
    error = failed(whole, ask)
    assert "not reached" in str(error)
    assert (error.permanent, error.gone, error.busy) == (False, False, False)
    assert len(vonage.asked) == 1


@each_ask
def test_a_redirect_is_not_followed(
    vonage: RestApi, whole: CarrierClient, method: str, ask: Callable[[CarrierClient], object]
) -> None:
    vonage.headers["Location"] = f"{vonage.url}/elsewhere"
    vonage.reply(method, (302, None))
    error = failed(whole, ask)
    assert (error.permanent, "redirect" in str(error)) == (True, True)
    assert len(vonage.asked) == 1


@pytest.mark.parametrize(
    ("body", "words"),
    [
        # RFC 7807
        (
            {"type": "https://x", "title": "Bad", "detail": "no number", "instance": "1"},
            "Bad; no number",
        ),
        # the older form, with what is wrong by name
        (
            {"type": 400, "title": "Bad", "invalid_parameters": [{"name": "to", "reason": "bad"}]},
            "Bad; [{'name': 'to', 'reason': 'bad'}]",
        ),
        ({"type": "BAD_REQUEST", "error_title": "Bad Request"}, "Bad Request"),
        ({"title": "", "detail": None}, "no explanation"),
        ([{"title": "Bad"}], "no explanation"),
        (b"<html>sorry</html>", "no explanation"),  # a proxy's page
        (b"\xff\xfe", "no explanation"),
        (b"", "no explanation"),
        ({"title": "x" * 999}, "x" * 300),
        ({"title": "x" * 200, "detail": "y" * 200}, f"{'x' * 200}; {'y' * 98}"),
    ],
    ids=str,
)
def test_error_bodies_of_every_form(
    vonage: RestApi, whole: CarrierClient, body: Any, words: str
) -> None:
    vonage.reply("POST", (400, body))
    assert str(failed(whole, ASKS["dial"][1])) == f"Vonage answered 400: {words}"


@pytest.mark.parametrize(
    "page", [b"<html>hello</html>", b"", b"[1]", b'"uuid"', b"null", b'{"uuid": ', b"\xff\xfe"]
)
@pytest.mark.parametrize("name", ["dial", "fetch", "number"])
def test_an_answer_that_is_no_json_object(
    vonage: RestApi, whole: CarrierClient, name: str, page: bytes
) -> None:
    method, ask = ASKS[name]
    vonage.reply(method, (200, page))
    error = failed(whole, ask)
    assert (error.permanent, error.busy) == (name == "number", False)


@pytest.mark.parametrize("page", [b"", b"<html>", b"{}"])
def test_a_yes_without_a_word_ends_the_leg(
    vonage: RestApi, whole: CarrierClient, page: bytes
) -> None:
    vonage.reply("PUT", (204 if not page else 200, page))
    whole.hang_up(LEG)
    assert len(vonage.asked) == 1


# ------------------------------------------------------------------ who asks


def test_calls_are_asked_for_with_the_applications_token(
    vonage: RestApi, whole: CarrierClient
) -> None:
    public = serialization.load_pem_private_key(PRIVATE_KEY.encode(), None).public_key()
    vonage.reply("GET", (200, {}))
    vonage.reply("PUT", (204, None))
    whole.check()
    whole.hang_up(LEG)
    tokens = [asked.headers["authorization"].removeprefix("Bearer ") for asked in vonage.asked]
    claims = [jwt.decode(token, public, algorithms=["RS256"]) for token in tokens]  # type: ignore[arg-type]
    assert [each["application_id"] for each in claims] == [APPLICATION, APPLICATION]
    assert claims[0]["jti"] != claims[1]["jti"]
    assert all(0 < each["exp"] - each["iat"] <= 15 * 60 for each in claims)


def test_numbers_are_asked_for_with_the_accounts_secret(
    vonage: RestApi, whole: CarrierClient
) -> None:
    vonage.reply("GET", (200, {"numbers": []}))
    failed(whole, ASKS["number"][1])
    pair = base64.b64decode(vonage.asked[0].headers["authorization"].removeprefix("Basic "))
    assert pair.decode() == f"{API_KEY}:s3cret"


@pytest.mark.parametrize(
    ("secrets", "asks", "named"),
    [
        # What places calls needs the application, and what it signs with.
        ({"applicationId": None}, ("dial", "hang up", "fetch", "check"), "vonageApplicationId"),
        ({"privateKey": None}, ("dial", "hang up", "fetch", "check"), "ApplicationPrivateKey"),
        ({"privateKey": "x"}, ("dial", "hang up", "fetch", "check"), "not a readable PEM key"),
        # The doctor's look at a number needs the account's.
        ({"apiSecret": None}, ("number",), "apiSecret"),
        ({"apiSecret": ""}, ("number",), "apiSecret"),
    ],
)
def test_a_missing_secret_is_named_and_nothing_asked(
    vonage: RestApi, secrets: dict[str, Any], asks: tuple[str, ...], named: str
) -> None:
    client = VONAGE.client(account(vonage.url, **{"apiSecret": "s3cret", **secrets}))
    for name in asks:
        with pytest.raises(NotConfigured, match=named):
            ASKS[name][1](client)
    assert vonage.asked == []


def test_an_encrypted_key_is_refused_by_name() -> None:
    key = serialization.load_pem_private_key(PRIVATE_KEY.encode(), None)
    locked = key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.BestAvailableEncryption(b"swordfish"),
    ).decode()
    with pytest.raises(NotConfigured, match="not a readable PEM key") as caught:
        sdk.application(account(None, privateKey=locked))
    assert "swordfish" not in str(caught.value)


@pytest.mark.parametrize(
    ("secrets", "can"),
    [
        ({}, True),
        ({"applicationId": None}, False),  # the media is fetched with the application's token
        ({"privateKey": None}, False),
        ({"privateKey": ""}, False),
    ],
)
def test_who_can_record(secrets: dict[str, Any], can: bool) -> None:
    assert VONAGE.client(account(None, **secrets)).can_record() is can


# ------------------------------------------------------------------ the time a request may take


@pytest.mark.parametrize(
    ("asked", "given"),
    [(5, 5), (5.0, 5), (0.2, 1), (1.5, 2), (0, 1)],  # whole seconds, and never none: for ever
)
def test_the_sdk_gets_whole_seconds(asked: float, given: int) -> None:
    client: Any = VONAGE.client(account(None), timeout=asked)
    assert client._http._timeout == given


def test_the_sdks_retries_are_off() -> None:
    http = sdk.as_application(account(None), 5, plain=False)
    adapter = http._session.get_adapter("https://api.nexmo.com/")
    assert (adapter.max_retries.total, http._session.max_redirects) == (0, 0)


def test_pool_maxsize_is_still_how_often_a_dropped_request_is_sent() -> None:
    """Once the SDK does not send a create again: take ``pool_maxsize=1`` out of ``sdk.py``."""
    from requests import ConnectionError as Dropped
    from vonage import Auth, HttpClientOptions, Vonage

    sent = list[str]()

    def drop(**request: Any) -> None:
        sent.append(request["method"])
        raise Dropped("RemoteDisconnected")

    options = HttpClientOptions(max_retries=0, pool_maxsize=3)
    http: Any = Vonage(Auth(api_key="k", api_secret="s"), options).http_client
    http._session = SimpleNamespace(request=drop)
    with pytest.raises(Dropped):
        http.make_request("POST", "api.nexmo.com", "/v1/calls", {}, "basic", "json")
    assert sent == ["POST"] * 3


@pytest.fixture
def keys_read(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """The private keys that were read from text, which takes 40 ms each."""
    read = list[bytes]()

    def load(data: bytes, password: bytes | None, **more: Any) -> Any:
        read.append(data)
        return whole_load(data, password, **more)

    whole_load = serialization.load_pem_private_key
    for module in (serialization, jwt.algorithms):
        monkeypatch.setattr(module, "load_pem_private_key", load)
    return read


def test_a_private_key_is_read_once(vonage: RestApi, keys_read: list[bytes]) -> None:
    vonage.reply("GET", (404, {}))
    for _ in range(3):
        VONAGE.client(account(vonage.url)).fetch(LEG)
    assert len(vonage.asked) == 3
    assert len(keys_read) <= 1, "none, if an earlier test has used the key"


def test_the_sdk_still_reads_the_key_for_each_token(keys_read: list[bytes]) -> None:
    """Once it does not: take ``JwtClient`` out of ``sdk.as_application``."""
    from vonage import Auth

    auth = Auth(application_id=APPLICATION, private_key=PRIVATE_KEY)
    keys_read.clear()
    for _ in range(2):
        auth.create_jwt_auth_string()
    assert len(keys_read) == 2


def test_the_sdks_session_is_still_its_own() -> None:
    """Once its options take a session, or an adapter: give ours, and leave ``_session`` alone."""
    from vonage import HttpClientOptions

    fields = set(HttpClientOptions.model_fields)
    assert not {name for name in fields if "session" in name or "adapter" in name}
    assert "max_redirects" not in fields


def test_a_file_is_not_read_for_a_key(tmp_path: Any) -> None:
    """The SDK takes a text that ends like a file's name for a path."""
    path = tmp_path / "vonage.key"
    path.write_text(PRIVATE_KEY)
    client = VONAGE.client(account(None, privateKey=str(path)))
    with pytest.raises(NotConfigured, match="PEM"):
        client.save_recording("r", "https://api.nexmo.com/v1/files/x", io.BytesIO(), limit=1)
