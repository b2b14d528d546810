"""What the doctor asks of others: vendors' keys, the server of messages, the store of recordings."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from app import heroku
from app.default_org import create_default_org
from app.doctor import owner_callbacks, recordings, server, vendor_keys
from app.domain.context import Context
from app.settings import Settings, VendorSettings
from app.vendors import vapi
from app.vendors.key_requests import KeyRequest
from app.wiring import Services
from tests.fakes.client_server import Receiver
from tests.fakes.s3 import ACCESS_KEY, REGION, SECRET_KEY, s3

pytestmark = pytest.mark.any_store  # the subject: vendors


@pytest.fixture
def examined(settings: Settings) -> Iterator[Callable[..., list[str]]]:
    """The lines of one check, with these settings."""
    opened: list[Services] = []

    def lines(check: Callable[[Context], Any], **changes: Any) -> list[str]:
        services = Services(replace(settings, **changes))
        opened.append(services)
        create_default_org(services.context)
        return [str(finding) for finding in check(services.context)]

    yield lines
    for services in opened:
        services.store.close()


ANSWERS: list[tuple[int, bytes, str, str]] = [
    (200, b"{}", "ok     the key: accepted", ""),
    (
        401,
        b"{}",
        "ERROR  the key: refused",
        "https://a.example/models answers 401; replace the key",
    ),
    (403, b"{}", "ERROR  the key: refused", "answers 403"),
    (401, b'{"status":"missing_permissions"}', "note   the key: not known", "answers 401"),
    (404, b"", "note   the key: not known", "answers 404"),  # a gateway without this request
    (429, b"", "note   the key: not known", "answers 429"),
    (500, b"", "note   the key: not known", "answers 500"),
    (302, b"", "note   the key: not known", "answers 302"),  # it is not followed
]


@pytest.mark.parametrize(("status", "body", "begins", "has"), ANSWERS)
def test_an_answer_is_judged(status: int, body: bytes, begins: str, has: str) -> None:
    request = KeyRequest("https://a.example/models?limit=1", {})
    line = str(vendor_keys.judged("the key", request, status, body))
    assert line.startswith(begins)
    assert has in line


def test_a_key_is_tried(examined: Callable[..., list[str]]) -> None:
    with Receiver(reply=401) as vendor:
        url = f"http://127.0.0.1:{vendor.port}/v1"
        [line] = examined(vendor_keys.check, vendors=(VendorSettings("openai", "a-test-key", url),))
    assert line.startswith("ERROR  key of openai (OPENAI_API_KEY): refused")
    assert "a-test-key" not in line
    [asked] = vendor.requests
    assert (asked.path, asked.headers["authorization"]) == ("/v1/models", "Bearer a-test-key")


def test_a_key_that_cannot_be_tried_is_a_note(examined: Callable[..., list[str]]) -> None:
    with Receiver() as vendor:
        nobody = f"http://127.0.0.1:{vendor.port}"
    lines = examined(
        vendor_keys.check,
        vendors=(VendorSettings("groq", "k", nobody), VendorSettings("rime-ai", "k")),
    )
    assert [line[:3] for line in lines] == ["not", "not"]
    assert "GROQ_API_KEY): not tried: 127.0.0.1 cannot be reached" in lines[0]
    assert "RIME_API_KEY): not tried" in lines[1]


@pytest.mark.parametrize("is_there", [True, False])
def test_a_key_of_vapi_needs_its_sdk(
    is_there: bool, examined: Callable[..., list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(vapi, "is_installed", lambda: is_there)
    with Receiver() as upstream:
        account = VendorSettings("vapi", "k", f"http://127.0.0.1:{upstream.port}")
        [line] = examined(vendor_keys.check, vendors=(account,))
    label = "key of vapi (VAPI_API_KEY)"
    assert line.startswith(f"ok     {label}: accepted" if is_there else f"ERROR  {label}: ")
    assert is_there or vapi.MISSING in line
    assert [each.path for each in upstream.requests] == ["/assistant?limit=1"] * is_there


SERVERS: list[tuple[int, str]] = [
    (200, "ok     SERVER_URL at 127.0.0.1: answers"),
    (404, "ok     SERVER_URL at 127.0.0.1: answers"),  # it may take POST only
    (405, "ok     SERVER_URL at 127.0.0.1: answers"),
    (502, "note   SERVER_URL at 127.0.0.1: answers 502"),  # its proxy without it
]


def test_the_server_is_asked(examined: Callable[..., list[str]]) -> None:
    with Receiver(status for status, _ in SERVERS) as client:
        url = f"{client.url}?token=hidden"
        for _, begins in SERVERS:
            [line] = examined(server.check, server_url=url, allow_private_server_urls=True)
            assert line.startswith(begins)
            assert "hidden" not in line
    assert {asked.body for asked in client.requests} == {b""}


def test_a_server_that_is_not_there(examined: Callable[..., list[str]]) -> None:
    with Receiver() as client:
        pass
    [line] = examined(server.check, server_url=client.url, allow_private_server_urls=True)
    assert line.startswith("ERROR  SERVER_URL at 127.0.0.1")
    assert examined(server.check, server_url=None) == []


# ------------------------------------------------------------------ recordings


def test_the_directory_is_written_and_read(
    examined: Callable[..., list[str]], tmp_path: Path
) -> None:
    place = tmp_path / "recordings"
    [line] = examined(recordings.check, recordings_dir=str(place))
    assert line == f"ok     recordings in {place} (RECORDINGS_DIR): written and read"
    assert [*place.rglob("*.txt")] == []


def test_a_place_that_cannot_be_written(examined: Callable[..., list[str]], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    [line] = examined(recordings.check, recordings_dir=str(tmp_path / "file"))
    assert line.startswith(f"ERROR  recordings in {tmp_path}/file (RECORDINGS_DIR): cannot be")


def test_the_disk_of_a_dyno_is_told(
    examined: Callable[..., list[str]], tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    lines = examined(recordings.check, recordings_dir=str(tmp_path), disk_is_wiped=True)
    assert lines[1] == f"note   {heroku.RECORDINGS_ARE_LOST}"


@pytest.mark.parametrize("wiped", [True, False])
def test_a_start_tells_it_too(
    settings: Settings, store: object, wiped: bool, caplog: pytest.LogCaptureFixture
) -> None:
    services = Services(replace(settings, disk_is_wiped=wiped, run_jobs=False))
    services.start()
    services.stop()
    assert (heroku.RECORDINGS_ARE_LOST in caplog.text) is wiped


def test_a_bucket_is_written_and_read(examined: Callable[..., list[str]]) -> None:
    with s3() as bucket:
        changes = {
            "recordings_url": "s3://bucket/calls",
            "s3_endpoint": bucket.url,
            "s3_access_key_id": ACCESS_KEY,
            "s3_region": REGION,
        }
        [line] = examined(recordings.check, **changes, s3_secret_access_key=SECRET_KEY)
        bucket.refused = "doctor"
        [other] = examined(recordings.check, **changes, s3_secret_access_key=SECRET_KEY)
    assert line.startswith("ok     recordings in s3://bucket/calls at http://127.0.0.1")
    assert other.startswith("ERROR  recordings in s3://bucket/calls")


# ------------------------------------------------------------------ the owner's callbacks


def test_where_callbacks_are_passed_on_to(examined: Callable[..., list[str]]) -> None:
    """Nothing is sent there."""
    assert examined(owner_callbacks.check) == []
    with Receiver() as owner:
        url = f"{owner.url}?token=hidden"
        [line] = examined(owner_callbacks.check, owner_callback_url=url)
        assert line.startswith("note   OWNER_CALLBACK_URL at 127.0.0.1: without https")
        [line] = examined(
            owner_callbacks.check, owner_callback_url=url, allow_private_server_urls=False
        )
        assert line.startswith("ERROR  OWNER_CALLBACK_URL at 127.0.0.1: port")
        assert "hidden" not in line
    assert owner.requests == []


@pytest.mark.parametrize(
    "url",
    [
        "https://bridge.example.com/twilio/status",
        "https://bridge.example.com:443/",
        "https://BRIDGE.Example.com",
    ],
)
@pytest.mark.parametrize("check", [owner_callbacks.check, server.check])
def test_our_own_address_is_no_server_of_the_owner(
    examined: Callable[..., list[str]], check: Callable[..., object], url: str
) -> None:
    ours = "https://bridge.example.com"
    [line] = examined(check, owner_callback_url=url, server_url=url, public_url=ours)
    assert line.startswith("ERROR")
    assert "this is PUBLIC_URL" in line
