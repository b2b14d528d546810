"""Recordings of Vonage's: begun by an NCCO, ended with the conversation, fetched with our token.

https://developer.vonage.com/en/voice/voice-api/guides/recording
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives import serialization

from providers.base.instructions import Say
from providers.base.rest import CarrierClient
from providers.errors import CarrierError, NotConfigured
from providers.vonage import VONAGE, ncco
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.vonage.api import CONNECT, EVENTS, LEG, PRIVATE_KEY, account
from tests.providers.vonage.cases import APPLICATION, ORIGIN

URL = "https://api-us.nexmo.com/v1/files/aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
PATH = "/v1/files/aaaaaaaa-bbbb-cccc-dddd-0123456789ab"
WAV = b"RIFF" + bytes(range(256)) * 4
REPORT = f"{ORIGIN}/vonage/event/tok_1"


# ------------------------------------------------------------------ begun


def test_a_recording_begins_before_the_assistant_is_connected() -> None:
    record, connect = ncco.actions([replace(CONNECT, recording_url=REPORT)])
    assert record == {
        "action": "record",
        "format": "wav",
        "split": "conversation",  # each side apart
        "channels": 2,
        "eventUrl": [REPORT],  # an array of one, as everywhere
        "eventMethod": "POST",
    }
    assert connect["action"] == "connect"
    assert connect["eventUrl"] == [EVENTS]


def test_no_recording_without_an_address_for_it() -> None:
    assert [each["action"] for each in ncco.actions([CONNECT])] == ["connect"]


@pytest.mark.parametrize("url", ["", "/vonage/event/x", "ftp://x.example/", "https://"])
def test_a_relative_report_address_is_our_bug(url: str) -> None:
    with pytest.raises(ValueError, match="absolute"):
        ncco.answer([Say("x"), replace(CONNECT, recording_url=url)])


def test_the_api_is_asked_for_nothing(vonage: RestApi, client: CarrierClient) -> None:
    assert client.start_recording(LEG, REPORT) is None
    client.stop_recording(LEG, "ref")
    assert vonage.asked == []


# ------------------------------------------------------------------ fetched


def saved(client: CarrierClient, url: str = URL, limit: int = 10_000) -> bytes:
    file = io.BytesIO()
    client.save_recording("ref", url, file, limit=limit)
    return file.getvalue()


def test_a_recording_is_fetched_whole_with_the_applications_token(
    vonage: RestApi, client: CarrierClient
) -> None:
    vonage.reply("GET", (200, WAV))
    assert saved(client) == WAV
    ((method, path, _, headers, _),) = vonage.asked
    assert (method, path) == ("GET", PATH)
    public = serialization.load_pem_private_key(PRIVATE_KEY.encode(), None).public_key()
    scheme, _, token = headers["authorization"].partition(" ")
    assert scheme == "Bearer"
    assert jwt.decode(token, public, algorithms=["RS256"])["application_id"] == APPLICATION  # type: ignore[arg-type]


def test_an_address_with_a_path_is_kept(vonage: RestApi) -> None:
    vonage.reply("GET", (200, WAV))
    saved(VONAGE.client(account(f"{vonage.url}/proxy/")))
    assert vonage.asked[0].path == f"/proxy{PATH}"


def test_a_recording_over_the_limit_is_refused_for_good(
    vonage: RestApi, client: CarrierClient
) -> None:
    vonage.reply("GET", (200, WAV))
    assert len(saved(client, limit=len(WAV))) == len(WAV)
    with pytest.raises(CarrierError, match="over") as caught:
        saved(client, limit=len(WAV) - 1)
    assert caught.value.permanent


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_recording_that_is_not_there_yet_is_asked_for_again(
    vonage: RestApi, client: CarrierClient, status: int
) -> None:
    vonage.reply("GET", (status, {"title": "No"}))
    with pytest.raises(CarrierError, match=str(status)) as caught:
        saved(client)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "url",
    [
        "",
        "/v1/files/x",
        "https://evil.example/v1/files/x",
        "http://api.nexmo.com/v1/files/x",  # in clear
        "https://api.nexmo.com:8443/v1/files/x",
        "https://api.nexmo.com@evil.example/v1/files/x",
        "https://user:pw@api.nexmo.com/v1/files/x",
        "https://api.nexmo.com.evil.example/v1/files/x",
        "https://evilapi.nexmo.com/v1/files/x",
        "https://rest.nexmo.com/v1/files/x",  # Vonage's, but no host of recordings
        "https://[/v1/files/x",
        "ws://api.nexmo.com/v1/files/x",
    ],
)
def test_our_token_goes_to_vonages_hosts_only(
    vonage: RestApi, client: CarrierClient, url: str
) -> None:
    with pytest.raises(CarrierError, match="not Vonage's") as caught:
        saved(client, url)
    assert caught.value.permanent
    assert vonage.asked == []


@pytest.mark.parametrize(
    "place",
    ["https://evil.example/x.wav", "http://api.nexmo.com/x.wav", "https://api.nexmo.com:1/x"],
)
def test_a_redirect_off_vonages_hosts_is_not_followed(
    vonage: RestApi, client: CarrierClient, place: str
) -> None:
    vonage.headers["Location"] = place
    vonage.reply("GET", (302, None))
    with pytest.raises(CarrierError, match="not the carrier's") as caught:
        saved(client)
    assert caught.value.permanent
    assert len(vonage.asked) == 1


@pytest.mark.parametrize("secrets", [{"applicationId": None}, {"privateKey": None}], ids=str)
def test_without_an_application_nothing_is_fetched(
    vonage: RestApi, secrets: dict[str, Any]
) -> None:
    with pytest.raises(NotConfigured):
        saved(VONAGE.client(account(vonage.url, **secrets)))
    assert vonage.asked == []
