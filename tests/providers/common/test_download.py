"""Where a recording is fetched, and where our credentials never go."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from providers.base.rest import Account
from providers.common import download
from providers.errors import CarrierError
from providers.simulation.api_server import ApiReply, ApiRequest, serve
from providers.twilio import TWILIO
from providers.vonage import VONAGE
from tests.fakes.carriers.accounts import API_KEY, APPLICATION, private_key

HEADERS = {"Authorization": "Basic canary"}
SOUND = b"sound" * 100


class Server:
    """Answers ``(status, headers, body)`` by path; keeps (path, Authorization) of each request."""

    def __init__(self) -> None:
        self.url = ""
        self.answers: dict[str, tuple[int, dict[str, str], bytes]] = {"/sound": (200, {}, SOUND)}
        self.asked: list[tuple[str, str | None]] = []

    def reply(self, request: ApiRequest) -> ApiReply:
        self.asked.append((request.target, request.headers.get("authorization")))
        status, headers, body = self.answers.get(request.target, (404, {}, b""))
        return ApiReply(status, body, headers)


@pytest.fixture
def server() -> Iterator[Callable[[], Server]]:
    """Makes servers; each has a port, and so an origin, of its own."""
    with ExitStack() as running:

        def make() -> Server:
            made = Server()
            made.url = running.enter_context(serve(made.reply))
            return made

        yield make


def save(url: str, trusted: bool = False, limit: int = 1000) -> bytes:
    file = io.BytesIO()
    download.save(url, HEADERS, file, limit=limit, timeout=30.0, trusted=lambda _: trusted)
    return file.getvalue()


def test_a_file_is_fetched_with_the_credentials(server: Callable[[], Server]) -> None:
    one = server()
    assert save(f"{one.url}/sound") == SOUND
    assert one.asked == [("/sound", HEADERS["Authorization"])]


def test_they_stay_on_their_host(server: Callable[[], Server]) -> None:
    one, two = server(), server()
    one.answers["/moved"] = (307, {"Location": "/sound"}, b"")
    one.answers["/away"] = (302, {"Location": f"{two.url}/sound"}, b"")
    assert save(f"{one.url}/moved") == SOUND
    assert [sent for _, sent in one.asked] == [HEADERS["Authorization"]] * 2
    assert save(f"{one.url}/away", trusted=True) == SOUND
    assert two.asked == [("/sound", None)]


def test_a_strangers_host_is_not_asked_at_all(server: Callable[[], Server]) -> None:
    one, two = server(), server()
    one.answers["/away"] = (302, {"Location": f"{two.url}/sound"}, b"")
    with pytest.raises(CarrierError, match="not the carrier's") as refused:
        save(f"{one.url}/away")
    assert (refused.value.permanent, two.asked) == (True, [])


@pytest.mark.parametrize(
    ("path", "limit", "permanent"),
    [
        ("/nothing", 1000, False),  # 404: not yet
        ("/circle", 1000, False),
        ("/sound", 499, True),  # a byte too much
    ],
)
def test_what_cannot_be_had(
    server: Callable[[], Server], path: str, limit: int, permanent: bool
) -> None:
    one = server()
    one.answers["/circle"] = (302, {"Location": "/circle"}, b"")
    with pytest.raises(CarrierError) as refused:
        save(one.url + path, limit=limit)
    assert refused.value.permanent is permanent


def test_nobody_there_is_asked_again() -> None:
    with pytest.raises(CarrierError) as refused:
        save("http://127.0.0.1:9/sound")
    assert not refused.value.permanent


def test_a_redirect_to_no_url_at_all(server: Callable[[], Server]) -> None:
    one = server()
    one.answers["/moved"] = (302, {"Location": "https://["}, b"")
    with pytest.raises(CarrierError, match="cannot be fetched") as refused:
        download.save(
            f"{one.url}/moved", HEADERS, io.BytesIO(), limit=10, timeout=30, trusted=lambda _: True
        )
    assert not refused.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        "https://evil.example/v1/files/x",
        "https://api.nexmo.com.evil.example/v1/files/x",
        "https://api.nexmo.com@evil.example/v1/files/x",
        "https://evil.example#api.nexmo.com",
        "http://api.nexmo.com/v1/files/x",  # in clear
        "https://api.nexmo.com:8443/v1/files/x",
        "file:///etc/passwd",
        "https://[",  # no URL at all
        "",
    ],
)
def test_vonages_url_must_be_vonages(url: str) -> None:
    secrets = {"applicationId": APPLICATION, "privateKey": private_key()}
    client = VONAGE.client(Account(API_KEY, secrets))
    with pytest.raises(CarrierError, match="not Vonage's") as refused:
        client.save_recording("r", url, io.BytesIO(), limit=10)
    assert refused.value.permanent


@pytest.mark.parametrize("ref", ["../Accounts", "RE0", "RE" + "0" * 32 + "/x", ""])
def test_twilios_address_is_made_of_the_ref_alone(server: Callable[[], Server], ref: str) -> None:
    one = server()
    client = TWILIO.client(Account("AC" + "0" * 32, {"authTokens": ["t"]}, api_url=one.url))
    with pytest.raises(CarrierError, match="no recording"):
        client.save_recording(ref, "https://evil.example/", io.BytesIO(), limit=10)
    assert one.asked == []
