"""GET /recording/{id}: who may listen, to which part, and for how long."""

from __future__ import annotations

import wave
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit

import pytest
from flask import Flask

from app.routes.recordings import AT_ONCE
from app.store import calls, recordings
from app.store.ids import new_id
from app.wiring import Services
from tests.routes.api import UNKNOWN, Api, refused
from tests.routes.recorded import SOUND, kept, recorded


@pytest.fixture
def call(services: Services, api: Api, tmp_path: Path) -> dict[str, Any]:
    """A call with a recording."""
    return recorded(services, api, tmp_path)


@pytest.fixture
def stranger(app: Flask) -> Api:
    return Api(app, None)


def target(url: str, **changes: str) -> str:
    """The link as a path, with parameters replaced."""
    parts = urlsplit(url)
    query = {**dict(parse_qsl(parts.query)), **changes}
    return f"{parts.path}?{urlencode(query)}"


def test_a_store_that_hangs_holds_few_requests_up(
    call: Mapping[str, Any],
    services: Services,
    stranger: Api,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each request meets the next one while its file is being opened."""
    really, statuses = services.context.blobs.open, list[int]()

    def slowly(*args: Any) -> Any:
        statuses.append(stranger.request("GET", target(call["recordingUrl"])).status_code)
        return really(*args)

    monkeypatch.setattr(services.context.blobs, "open", slowly)
    assert stranger.request("GET", target(call["recordingUrl"])).status_code == 200
    assert statuses == [503, *[200] * (AT_ONCE - 1)]
    assert stranger.request("GET", target(call["recordingUrl"])).status_code == 200


def test_whoever_has_the_link_may_listen(call: Mapping[str, Any], stranger: Api) -> None:
    answer = stranger.request("GET", target(call["recordingUrl"]))
    assert (answer.status_code, answer.data) == (200, SOUND)
    assert answer.headers["Content-Type"] == "audio/wav"
    assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert answer.headers["Cache-Control"] == "private, no-store"
    assert answer.headers["Accept-Ranges"] == "bytes"


def test_the_organisations_key_needs_no_link(call: Mapping[str, Any], api: Api) -> None:
    path = urlsplit(call["recordingUrl"]).path
    assert api.get(path).data == SOUND
    found = api.get(f"/call/{call['id']}/mono-recording")
    assert found.status_code == 302
    assert api.request("GET", target(found.headers["Location"])).data == SOUND
    assert "no recording" in refused(api.get(f"/call/{call['id']}/stereo-recording"), 404)


@pytest.mark.parametrize(
    "changes",
    [
        {"token": "0" * 64},  # another signature
        {"token": ""},
        {"expires": "99999999999"},  # a longer life
        {"expires": "1"},
        {"expires": ""},
    ],
)
def test_a_changed_link_is_refused(
    call: Mapping[str, Any], stranger: Api, changes: dict[str, str]
) -> None:
    assert stranger.request("GET", target(call["recordingUrl"], **changes)).status_code in (
        400,
        401,
    )


def test_a_link_is_of_one_recording_and_unknown_ones_look_alike(
    services: Services, call: Mapping[str, Any], stranger: Api, api: Api, tmp_path: Path
) -> None:
    second = kept(services, api.call(), tmp_path)
    first = urlsplit(call["recordingUrl"]).path.rsplit("/", 1)[-1]
    answers = [
        stranger.request("GET", target(call["recordingUrl"]).replace(first, other))
        for other in (second, UNKNOWN)
    ]
    assert [each.status_code for each in answers] == [401, 401]
    assert answers[0].data == answers[1].data


@pytest.mark.parametrize(("seconds", "status"), [(0, 200), (3599, 200), (3601, 401)])
def test_a_link_is_good_for_an_hour(
    services: Services, call: Mapping[str, Any], stranger: Api, seconds: int, status: int
) -> None:
    from datetime import timedelta

    now = services.context.now()
    object.__setattr__(services.context, "now", lambda: now + timedelta(seconds=seconds))
    assert stranger.request("GET", target(call["recordingUrl"])).status_code == status


@pytest.mark.parametrize(
    ("asked", "status", "data", "told"),
    [
        ("bytes=0-1", 206, SOUND[:2], "bytes 0-1/6"),
        ("bytes=2-", 206, SOUND[2:], "bytes 2-5/6"),
        ("bytes=-2", 206, SOUND[-2:], "bytes 4-5/6"),
        ("bytes=0-999", 206, SOUND, "bytes 0-5/6"),  # as much as there is
        ("bytes=6-", 416, b"", "bytes */6"),  # after the end
        ("bytes=0-0,2-3", 200, SOUND, None),  # several: the whole answers them
        ("bytes=3-1", 200, SOUND, None),  # no range
        ("seconds=0-1", 200, SOUND, None),  # another unit
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_ranges(
    call: Mapping[str, Any],
    stranger: Api,
    method: str,
    asked: str,
    status: int,
    data: bytes,
    told: str | None,
) -> None:
    answer = stranger.request(method, target(call["recordingUrl"]), headers={"Range": asked})
    assert (answer.status_code, answer.headers.get("Content-Range")) == (status, told)
    if method == "GET" and status == 416:
        assert answer.json["message"] == "the recording has no such range"
    else:
        assert answer.data == (data if method == "GET" else b"")
    assert status == 416 or answer.headers["Content-Length"] == str(len(data))


def test_a_range_of_another_file_is_not_given(call: Mapping[str, Any], stranger: Api) -> None:
    headers = {"Range": "bytes=0-1", "If-Range": '"another"'}
    assert stranger.request("GET", target(call["recordingUrl"]), headers=headers).data == SOUND


def test_a_lost_file_is_not_there(
    services: Services, call: Mapping[str, Any], stranger: Api
) -> None:
    services.context.blobs.delete("recordings/their/own.wav")
    assert stranger.request("GET", target(call["recordingUrl"])).status_code == 404


# ------------------------------------------------------------------ one side


@pytest.fixture
def sides(services: Services, call: Mapping[str, Any], api: Api, tmp_path: Path) -> dict[str, Any]:
    """The same call with a stereo recording: 1 on the left, 2 on the right."""
    path = tmp_path / "stereo.wav"
    with wave.open(str(path), "wb") as file:
        file.setparams((2, 2, 8000, 0, "NONE", ""))
        file.writeframes(b"\1\0\2\0" * 100)
    with services.store.write() as conn:
        row = recordings.of_call(conn, call["id"])[0]
        services.context.blobs.put("recordings/stereo.wav", path, "audio/wav")
        facts = {"id": new_id(), "kind": "stereo", "ref": "stereo", "bytes": path.stat().st_size}
        made = {**row, **facts, "blob": "recordings/stereo.wav"}
        recordings.insert(conn, made)
        whole = calls.get(conn, call["id"])
        assert whole is not None
        linked = {**whole["resolved"]["recordings"], "stereo": made["id"]}
        calls.update(conn, call["id"], {"resolved": {**whole["resolved"], "recordings": linked}})
    found: dict[str, Any] = api.get(f"/call/{call['id']}").json
    return found


@pytest.mark.parametrize(("side", "sample"), [("customer", b"\1\0"), ("assistant", b"\2\0")])
def test_one_side(
    sides: Mapping[str, Any], api: Api, stranger: Api, side: str, sample: bytes
) -> None:
    url = sides["artifact"]["recording"]["mono"][f"{side}Url"]
    assert url == sides[f"{side}RecordingUrl"] == sides["artifact"][f"{side}RecordingUrl"]
    answer = stranger.request("GET", target(url))
    assert (answer.status_code, len(answer.data)) == (200, 44 + 200)
    assert answer.data[44:] == sample * 100
    part = stranger.request("GET", target(url), headers={"Range": "bytes=45-47"})
    assert (part.status_code, part.data) == (206, (sample * 2)[1:])
    assert part.headers["Content-Range"] == "bytes 45-47/244"
    assert refused(stranger.request("GET", target(url, token="0" * 64)), 401)
    found = api.get(f"/call/{sides['id']}/{side}-recording")
    assert f"channel={side}" in found.headers["Location"]


def test_a_recording_of_one_channel_has_no_sides(call: Mapping[str, Any], stranger: Api) -> None:
    assert refused(stranger.request("GET", target(call["recordingUrl"], channel="customer")), 404)
    assert refused(stranger.request("GET", target(call["recordingUrl"], channel="left")), 400)
