"""The page of one call: what it shows, what may be done there, and by whom."""

from __future__ import annotations

import io
import re
import struct
import wave
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import sqlalchemy as sa
from flask.testing import FlaskClient

from app.dashboard.call_actions import ACTIONS
from app.domain.dashboard.waveform import Waves
from app.store import calls, owner_callbacks, recordings, schema
from app.wiring import Services
from bench.dashboard import ORG
from tests.dashboard.pages import csrf_of
from tests.domain.dashboard.rows import ANOTHER_ORG, add_foreign_call

ENDED, LIVE = (f"/dashboard/calls/00000000-0000-0000-0000-{number:012x}" for number in (5, 2))
UNKNOWN = "/dashboard/calls/99999999-9999-4999-8999-999999999999"


def act(client: FlaskClient, path: str, **fields: Any) -> Any:
    return client.post(path, data={"csrf": csrf_of(client), **fields})


@pytest.fixture
def recorded(services: Services, tmp_path: Path) -> Iterator[str]:
    """A call with a recording; its page's path."""
    file, call_id = tmp_path / "a.wav", ENDED.rpartition("/")[2]
    with wave.open(str(file), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(8000)
        sound.writeframes(struct.pack("<1600h", *[9000, -20000] * 800))
    row = {"id": str(uuid4()), "call_id": call_id, "org_id": ORG, "kind": "stereo"}
    key = f"recordings/{row['id']}.wav"
    services.context.blobs.put(key, file, "audio/wav")
    with services.store.write() as conn:
        more = {"state": recordings.STORED, "blob": key, "bytes": file.stat().st_size}
        told = {"source": "assistant", "ref": row["id"], "attempts": 0, "mime": "audio/wav"}
        recordings.insert(conn, {**row, **more, **told, "created_at": services.context.now()})
        before = calls.get(conn, call_id)
        assert before
        resolved = {**before["resolved"], "recordings": {"stereo": row["id"]}}
        calls.update(conn, call_id, {"resolved": resolved})
    yield ENDED
    with services.store.write() as conn:
        calls.update(conn, call_id, {"resolved": before["resolved"]})


def test_an_ended_call_says_why_and_what_to_do(browser: FlaskClient) -> None:
    page = browser.get("/dashboard/calls/00000000-0000-0000-0000-00000000000b").text
    assert "Neither side spoke for too long." in page
    assert "What to do:" in page
    assert "silence-timed-out" in page


def test_it_has_the_transcript_and_the_timeline(browser: FlaskClient) -> None:
    page = browser.get(ENDED).text
    assert "move my appointment of Thursday" in page
    assert "The media socket opened: the assistant joined." in page
    assert "The caller moved an appointment." in page
    assert 'name="action"' not in page  # nothing to control


def test_it_has_the_transfers_and_what_was_said_with_the_operator(
    browser: FlaskClient, services: Services
) -> None:
    call_id = ENDED.rpartition("/")[2]
    with services.store.write() as conn:
        before = calls.get(conn, call_id)
        assert before
        said = {"role": "bot", "message": "Can you take a call?", "secondsFromStart": 0}
        place = {"type": "number", "number": "+14155550188"}
        tried = {"destination": place, "mode": "warm", "status": "voicemail", "messages": [said]}
        calls.update(conn, call_id, {"body": {**before["body"], "transfers": [tried]}})
    page = browser.get(ENDED).text
    with services.store.write() as conn:
        calls.update(conn, call_id, {"body": before["body"]})
    assert "Transfer to +14155550188" in page
    assert "voicemail" in page
    assert "Can you take a call?" in page


def test_a_recording_is_played_and_drawn(browser: FlaskClient, recorded: str) -> None:
    page = browser.get(recorded).text
    found = re.search(r'<audio id="player"[^>]* src="([^"]+)"', page)
    assert found
    sound = browser.get(found[1].replace("&amp;", "&"))
    assert sound.status_code == 200
    with wave.open(io.BytesIO(sound.data)) as played:
        assert played.getnchannels() == 2
    assert 'data-at="7.0"' in page
    drawn = browser.get(f"{recorded}/waveform").text
    assert 'data-seconds="0.1"' in drawn
    assert "M0.5 36.2V80.5" in drawn


def test_one_waveform_is_drawn_at_once_and_a_drawn_one_is_kept(
    browser: FlaskClient, recorded: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    busy = Waves()
    monkeypatch.setitem(browser.application.extensions, "dashboard waveforms", busy)
    with busy._drawing:
        assert "reload the page" in browser.get(f"{recorded}/waveform").text
    first = browser.get(f"{recorded}/waveform").text
    with busy._drawing:
        assert browser.get(f"{recorded}/waveform").text == first


def test_a_live_call_has_its_controls(browser: FlaskClient, onlooker: FlaskClient) -> None:
    page = browser.get(LIVE).text
    assert 'value="end"' in page
    assert 'hx-trigger="live from:body"' in page
    assert "The call is ringing." in browser.get(f"{LIVE}/state").text
    assert "fieldset disabled" in onlooker.get(LIVE).text


def test_a_supervisors_socket_is_for_a_call_in_progress(browser: FlaskClient) -> None:
    page = browser.get(LIVE)
    assert 'data-supervise="/dashboard/calls/' in page.text
    assert "ws://localhost:8000" in page.headers["Content-Security-Policy"]
    answer = act(browser, f"{LIVE}/supervise")
    assert answer.status_code == 400
    assert answer.json["problem"].startswith("a supervisor needs a call in progress")


@pytest.mark.parametrize("path", ["control", "supervise", "messages/resend"])
def test_who_may_look_may_not_act(onlooker: FlaskClient, browser: FlaskClient, path: str) -> None:
    assert act(onlooker, f"{ENDED}/{path}", action="end").status_code == 403
    assert browser.post(f"{ENDED}/{path}", data={"action": "end"}).status_code == 403  # no token


def test_every_button_of_the_page_has_an_action(browser: FlaskClient, services: Services) -> None:
    source = Path("app/dashboard/templates/dashboard/call_live.html").read_text()
    assert set(re.findall(r'name="action" value="([^"]+)"', source)) == set(ACTIONS)


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"action": "say"}, "the field was empty"),
        ({"action": "say", "text": "x" * 1001}, "At most 1000"),
        ({"action": "say", "text": "Hello"}, "needs a call in progress"),
        ({"action": "transfer", "text": "+14155550188"}, "its status is ringing"),
        ({"action": "whisper", "text": "Be kind"}, "needs a call in progress"),
        ({"action": "fly"}, "action must be one of"),
    ],
)
def test_what_cannot_be_done_is_told(
    browser: FlaskClient, fields: dict[str, str], sentence: str
) -> None:
    answer = act(browser, f"{LIVE}/control", **fields)
    assert answer.status_code == 400
    assert sentence in answer.text


@pytest.fixture
def message(services: Services) -> Iterator[str]:
    """The id of the call's only message, which has failed."""
    of_call = schema.messages.c.call_id == ENDED.rpartition("/")[2]
    with services.store.write() as conn:
        before = conn.execute(sa.select(schema.messages).where(of_call)).mappings().one()
        conn.execute(schema.messages.update().where(of_call).values(state="failed", body="{}"))
    yield before["id"]
    with services.store.write() as conn:
        conn.execute(schema.messages.update().where(of_call).values(**before))


@pytest.mark.parametrize("path", ["messages/{}/resend", "messages/resend"])
def test_messages_are_resent_one_or_all(
    browser: FlaskClient, services: Services, message: str, path: str
) -> None:
    assert "Resend the 1 that failed" in browser.get(ENDED).text
    assert act(browser, f"{ENDED}/{path.format(message)}").status_code == 303
    page = browser.get(ENDED).text
    assert "Resend the 1 that failed" not in page
    assert "Next attempt:" in page


def test_calls_of_others_are_not_there(browser: FlaskClient, services: Services) -> None:
    foreign, _ = add_foreign_call(services)
    assert ANOTHER_ORG != ORG
    for base in (f"/dashboard/calls/{foreign}", UNKNOWN, "/dashboard/calls/nonsense"):
        for part in ("", "/state", "/events", "/waveform"):
            assert browser.get(base + part).status_code == 404, base + part
        assert act(browser, f"{base}/control", action="end").status_code == 404
        assert act(browser, f"{base}/messages/resend").status_code == 404


CALLBACKS = "\n".join(
    f"CallSid=CA{'1' * 32}&AccountSid=AC{'0' * 32}&CallStatus={word}"
    for word in ("ringing", "busy")
)


def test_pasted_callbacks_are_explained(browser: FlaskClient) -> None:
    answer = act(browser, "/dashboard/explain", text=CALLBACKS)
    assert answer.status_code == 200
    assert "The line was busy." in answer.text
    assert "decides" in answer.text


@pytest.mark.parametrize("text", ["", "   ", "{", "x" * 200_001])
def test_what_is_no_callback_is_told(browser: FlaskClient, text: str) -> None:
    answer = act(browser, "/dashboard/explain", text=text)
    assert answer.status_code == 400
    assert 'role="alert"' in answer.text


def test_what_was_passed_on_to_the_owner(browser: FlaskClient, services: Services) -> None:
    """Each with what became of it; the query of its URL may hold a secret."""
    call_id, now = ENDED.rpartition("/")[2], services.context.now()
    row = {
        "org_id": ORG,
        "provider": "twilio",
        "lane": "a lane",
        "call_id": call_id,
        "signers": [],
        "method": "POST",
        "signed_url": "https://bridge.example.com/twilio/status",
        "url": "https://owner.example.com/status?token=s3cret",
        "receiver": "owner.example.com",
        "attempts": 3,
        "next_at": now,
        "created_at": now,
        "updated_at": now,
    }
    assert "Passed on" not in browser.get(ENDED).text
    with services.store.write() as conn:
        owner_callbacks.insert(conn, {**row, "key": "1", "state": "delivered", "status_code": 204})
        failed = {"state": "failed", "error": "the answer is 500", "status_code": 500}
        owner_callbacks.insert(conn, {**row, "key": "2", **failed})
        before = owner_callbacks.of_call(conn, call_id)
    page = browser.get(ENDED).text
    with services.store.write() as conn:
        owner_callbacks.delete(conn, [each["id"] for each in before])
    assert "Passed on to your own callback URL" in page
    assert page.index(">204") < page.index("the answer is 500")
    assert "https://owner.example.com/status<" in page
    assert "s3cret" not in page
