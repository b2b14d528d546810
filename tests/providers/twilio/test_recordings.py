"""Recordings by Twilio's API: begun, ended and fetched.

https://www.twilio.com/docs/voice/api/recording
"""

from __future__ import annotations

import base64
import io
from dataclasses import replace
from typing import Any

import pytest

from providers.errors import CarrierError, NotConfigured
from providers.testing.contract import ORIGIN, TOKEN
from providers.twilio import TWILIO
from tests.fakes.carriers.rest_api import RestApi
from tests.providers.twilio.api import CALLS, client_of, login, problem
from tests.providers.twilio.case import ACCOUNT_SID, CALL_SID, holding
from tests.providers.twilio.case import TOKEN as AUTH_TOKEN

RECORDING_SID = "RE" + "7c6b5a49" * 4
REPORT_URL = f"{ORIGIN}/twilio/recording/{TOKEN}"
WAV = b"RIFF" + bytes(range(256)) * 4


def test_a_recording_begins(api: RestApi) -> None:
    api.says(201, {"sid": RECORDING_SID, "status": "in-progress"})
    ref = client_of(api).start_recording(CALL_SID, REPORT_URL, api_url="https://elsewhere.example")
    assert ref == RECORDING_SID
    ((method, path, form, *_),) = api.asked
    assert (method, path) == ("POST", f"{CALLS}/{CALL_SID}/Recordings.json")
    assert form == {
        "RecordingChannels": ["dual"],  # each side apart
        "RecordingTrack": ["both"],
        "Trim": ["do-not-trim"],  # silence at the start keeps transcript and sound in step
        "RecordingStatusCallback": [f"{REPORT_URL}#rc=3&rp=all"],
        # Repeated, not joined: one value with a space would name no event.
        "RecordingStatusCallbackEvent": ["completed", "absent"],
        "RecordingStatusCallbackMethod": ["POST"],
    }
    assert login(api) == f"{ACCOUNT_SID}:{AUTH_TOKEN}"


def test_a_relative_report_address_is_our_bug(api: RestApi) -> None:
    with pytest.raises(CarrierError):
        client_of(api).start_recording(CALL_SID, "/twilio/recording/x")
    assert api.asked == []


def test_a_recording_ends(api: RestApi) -> None:
    api.says(200, {"sid": RECORDING_SID, "status": "stopped"})
    client_of(api).stop_recording(CALL_SID, RECORDING_SID)
    ((method, path, form, *_),) = api.asked
    assert (method, path) == ("POST", f"{CALLS}/{CALL_SID}/Recordings/{RECORDING_SID}.json")
    assert form == {"Status": ["stopped"]}


@pytest.mark.parametrize(
    ("status", "code", "gone"),
    [
        (400, 21220, True),  # the call is over
        (404, 20404, True),  # the recording is, too
        (400, 21219, False),
        (429, 20429, False),
    ],
)
def test_a_leg_that_is_over_cannot_be_recorded(
    api: RestApi, status: int, code: int, gone: bool
) -> None:
    api.says(status, problem(code))
    client = client_of(api)
    for ask in (
        lambda: client.start_recording(CALL_SID, REPORT_URL),
        lambda: client.stop_recording(CALL_SID, RECORDING_SID),
    ):
        with pytest.raises(CarrierError) as caught:
            ask()
        assert caught.value.gone is gone


@pytest.mark.parametrize("account", [holding(AUTH_TOKEN), holding()], ids=["token", "nothing"])
def test_every_account_can_record(api: RestApi, account: Any) -> None:
    assert client_of(api, account).can_record()
    assert api.asked == []


# ------------------------------------------------------------------ the media


def saved(api: RestApi, ref: str = RECORDING_SID, limit: int = 10_000, **secrets: str) -> bytes:
    file = io.BytesIO()
    account = holding(AUTH_TOKEN, **secrets)
    client_of(api, account).save_recording(ref, "https://evil.example/x", file, limit=limit)
    return file.getvalue()


def test_a_recording_is_fetched_whole_at_its_place_in_our_account(api: RestApi) -> None:
    """The URL a request told is not asked: the ref says where it lies."""
    api.says(200, WAV)
    assert saved(api) == WAV
    ((method, path, _, headers, _),) = api.asked
    assert method == "GET"
    assert path == (
        f"/2010-04-01/Accounts/{ACCOUNT_SID}/Recordings/{RECORDING_SID}.wav?RequestedChannels=2"
    )
    assert headers["host"] == api.url.removeprefix("http://")
    assert login(api) == f"{ACCOUNT_SID}:{AUTH_TOKEN}"


def test_with_an_api_key_it_is_fetched_as_that_key(api: RestApi) -> None:
    api.says(200, WAV)
    saved(api, apiKey="SK1", apiSecret="s3cret")
    assert api.asked[0].headers["authorization"] == (
        f"Basic {base64.b64encode(b'SK1:s3cret').decode()}"
    )


def test_an_address_with_a_path_is_kept(api: RestApi) -> None:
    api.says(200, WAV)
    account = replace(holding(AUTH_TOKEN), api_url=f"{api.url}/proxy/")
    TWILIO.client(account).save_recording(RECORDING_SID, "", io.BytesIO(), limit=10_000)
    assert api.asked[0].path.startswith(f"/proxy/2010-04-01/Accounts/{ACCOUNT_SID}/Recordings/")


@pytest.mark.parametrize(
    "ref",
    [
        "",
        "RE1",
        RECORDING_SID.upper(),
        f"{RECORDING_SID}\n",
        f"{RECORDING_SID}/../../x",
        CALL_SID,  # a call's id is none
    ],
    ids=ascii,
)
def test_what_is_no_recordings_id_is_not_asked_for(api: RestApi, ref: str) -> None:
    with pytest.raises(CarrierError, match="no recording") as caught:
        saved(api, ref)
    assert caught.value.permanent
    assert api.asked == []


def test_a_recording_over_the_limit_is_refused_for_good(api: RestApi) -> None:
    api.says(200, WAV)
    assert len(saved(api, limit=len(WAV))) == len(WAV)
    with pytest.raises(CarrierError, match="over") as caught:
        saved(api, limit=len(WAV) - 1)
    assert caught.value.permanent


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
def test_a_recording_that_is_not_there_yet_is_asked_for_again(api: RestApi, status: int) -> None:
    """``RecordingUrl`` of a callback may not be downloadable yet."""
    api.says(status, problem(20404))
    with pytest.raises(CarrierError, match=str(status)) as caught:
        saved(api)
    assert not caught.value.permanent


@pytest.mark.parametrize(
    "place",
    [
        "https://evil.example/x.wav",
        "http://api.twilio.com/x.wav",  # in clear
        "https://api.twilio.com.evil.example/x.wav",
        "https://api.twilio.com@evil.example/x.wav",
        "https://api.twilio.com:8443/x.wav",
        "https://eviltwilio.com/x.wav",
        "https://twilio.com/x.wav",  # no host of the API
        "file:///etc/passwd",
    ],
)
def test_a_redirect_off_twilios_hosts_is_not_followed(api: RestApi, place: str) -> None:
    api.headers["Location"] = place
    api.says(302, b"")
    with pytest.raises(CarrierError, match="not the carrier's") as caught:
        saved(api)
    assert caught.value.permanent
    assert len(api.asked) == 1


def test_without_a_login_nothing_is_fetched(api: RestApi) -> None:
    with pytest.raises(NotConfigured):
        client_of(api, holding()).save_recording(RECORDING_SID, "", io.BytesIO(), limit=10)
    assert api.asked == []
