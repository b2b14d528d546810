"""A deploy with calls in progress: rows that the version before has written.

``rows_of_the_version_before.json`` was written by that version while its simulator of Twilio
called: one call in progress, one that was forwarded, and one whose leg had not come. A renamed key,
job kind or form of token would lose such calls.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app import create_app, wiring
from app.domain.calls import record, tokens
from app.domain.calls.apply import apply_events
from app.domain.live.monitor import find
from app.jobs.base import Handler, Jobs
from app.settings import Settings
from app.store import migrate
from app.store.engine import Store
from app.store.vault import digest
from providers.base.instructions import stream_id
from providers.events import CallEvent, EventKind
from tests.fakes.client_server import PATIENCE, Receiver
from tests.routes.api import Api

ROWS: Mapping[str, list[dict[str, Any]]] = json.loads(
    Path(__file__).with_name("rows_of_the_version_before.json").read_text()
)
KEY = "an api key of the tests 0123456789"
SECRET_KEY = "the secret key of the tests"
FORWARDED = "a86f0ba8-f3f0-4ef3-b3fb-c676d12bb3c2"
QUEUED = "3b50d97b-3668-4298-8841-ce593a80f263"
IN_PROGRESS = "928f495f-cac6-4a65-9e63-60e564e43a81"
CONTROL_TOKEN = "55cc2a4145e40048472ba8a16393a01349be6736c1e9a4efaa333a4e8d5e021d"
LISTEN_TOKEN = "dc4075db315ffeb8858e5b526cf1268d31648b29698cbdd7c18ca8845e399d59"


@pytest.fixture
def store(tmp_path: Path, receiver: Receiver) -> Iterator[Store]:
    """That version's database. Its messages go to the receiver."""
    opened = Store(f"sqlite:///{tmp_path}/old.db")
    migrate.upgrade(opened)
    with opened.write() as conn:
        for table, rows in ROWS.items():
            for row in rows:
                _insert(conn, table, row)
        conn.execute(sa.text("UPDATE messages SET url = :url"), {"url": receiver.url})
    yield opened
    opened.close()


def _insert(conn: sa.Connection, table: str, row: Mapping[str, Any]) -> None:
    """One row, as text and numbers: the code that reads it is what is tested."""
    values = {
        name: value["bytes"].encode() if isinstance(value, dict) else value
        for name, value in row.items()
    }
    names, places = ", ".join(f'"{name}"' for name in values), ", ".join(f":{n}" for n in values)
    conn.execute(sa.text(f"INSERT INTO {table} ({names}) VALUES ({places})"), values)


@pytest.fixture
def handlers(monkeypatch: pytest.MonkeyPatch) -> list[Mapping[str, Handler]]:
    """Those of the application, by job kind, once it is made."""
    given: list[Mapping[str, Handler]] = []
    make = wiring.open_jobs

    def open_jobs(store: Store, handlers: Mapping[str, Handler], **more: Any) -> Jobs:
        given.append(handlers)
        return make(store, handlers, **more)

    monkeypatch.setattr(wiring, "open_jobs", open_jobs)
    return given


@pytest.fixture
def app(store: Store, handlers: list[Mapping[str, Handler]]) -> Iterator[Flask]:
    url = store.url.render_as_string(hide_password=False)
    made = create_app(
        Settings(secret_keys=(SECRET_KEY,), database_url=url, allow_private_server_urls=True)
    )
    yield made
    made.extensions["patchbay"].store.close()


@pytest.fixture
def api(app: Flask) -> Api:
    return Api(app, KEY)


def _call(api: Api, call_id: str) -> dict[str, Any]:
    answer = api.get(f"/call/{call_id}")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json
    return found


def _run(handlers: list[Mapping[str, Handler]], key: str) -> None:
    """The stored job of this key."""
    job = next(job for job in ROWS["jobs"] if job["key"] == key)
    handlers[0][job["kind"]](json.loads(job["payload"]))


def test_the_calls_are_listed(api: Api) -> None:
    listed = {call["id"]: call["status"] for call in api.get("/call").json}
    assert listed == {FORWARDED: "ended", QUEUED: "queued", IN_PROGRESS: "in-progress"}
    forwarded = _call(api, FORWARDED)
    assert forwarded["endedReason"] == "assistant-forwarded-call"
    assert forwarded["destination"]["number"] == "+14155550188"
    assert _call(api, IN_PROGRESS)["customer"] == {"number": "+14155550123"}


@pytest.mark.parametrize("call_id", [FORWARDED, QUEUED, IN_PROGRESS])
def test_their_events_are_shown(api: Api, call_id: str) -> None:
    stored = [event["kind"] for event in ROWS["call_events"] if event["call_id"] == call_id]
    shown = api.get(f"/call/{call_id}/events").json
    assert [event["kind"] for event in shown] == stored


def test_every_job_has_its_handler(app: Flask, handlers: list[Mapping[str, Handler]]) -> None:
    assert {job["kind"] for job in ROWS["jobs"]} <= handlers[0].keys()


def test_the_call_whose_leg_did_not_come_ends(
    api: Api, handlers: list[Mapping[str, Handler]]
) -> None:
    _run(handlers, f"no-call:{QUEUED}")
    ended = _call(api, QUEUED)["endedReason"]
    assert ended == "phone-call-provider-bypass-enabled-but-no-call-received"


def test_the_call_in_progress_ends_by_its_longest_time(
    api: Api, handlers: list[Mapping[str, Handler]]
) -> None:
    _run(handlers, f"max-duration:{IN_PROGRESS}")
    assert _call(api, IN_PROGRESS)["endedReason"] == "exceeded-max-duration"


def _waiting_jobs(app: Flask) -> dict[str, int]:
    """Key -> due."""
    with app.extensions["patchbay"].store.read() as conn:
        return {row.key: row.due for row in conn.execute(sa.text("SELECT key, due FROM jobs"))}


def test_a_timer_that_waits_fires(app: Flask, api: Api) -> None:
    """Its time came while the deploy lasted."""
    services, over = app.extensions["patchbay"], threading.Event()
    services.context.media_wakers.append(lambda call_id: call_id == QUEUED and over.set())
    services.jobs.start()
    assert over.wait(PATIENCE)
    services.jobs.stop()
    assert _call(api, QUEUED)["status"] == "ended"


def test_a_timer_that_waits_is_stopped(app: Flask, api: Api) -> None:
    assert f"max-duration:{IN_PROGRESS}" in _waiting_jobs(app)
    api.post(f"/call/{IN_PROGRESS}/control", {"type": "end-call"})
    assert f"max-duration:{IN_PROGRESS}" not in _waiting_jobs(app)


def test_a_timer_that_waits_is_restarted(app: Flask) -> None:
    """A forward may last longer than the call: its limit replaces the one of the version before."""
    context = app.extensions["patchbay"].context
    before = _waiting_jobs(app)[f"max-duration:{IN_PROGRESS}"]
    with context.store.write() as conn:
        call = record.get(conn, IN_PROGRESS, lock=True)
        assert call is not None
        started = CallEvent(EventKind.FORWARD_STARTED, context.now(), "f", data={"forward": "f"})
        apply_events(record.CallTx(context, conn, call), [started])
    assert _waiting_jobs(app)[f"max-duration:{IN_PROGRESS}"] > before


def test_a_timer_starts_as_a_job(app: Flask) -> None:
    """Some process of the version before may still serve the call."""
    context = app.extensions["patchbay"].context
    with context.store.write() as conn:
        call = record.get(conn, QUEUED, lock=True)
        assert call is not None
        fetched = CallEvent(EventKind.LEG_FETCHED, context.now(), "f")
        apply_events(record.CallTx(context, conn, call), [fetched])
    waiting = _waiting_jobs(app)
    assert {f"join:{QUEUED}", f"watchdog:{QUEUED}"} <= waiting.keys()
    assert f"no-call:{QUEUED}" not in waiting
    with context.store.read() as conn:
        assert conn.execute(sa.text("SELECT count(next_timer_at) FROM calls")).scalar() == 0


def test_the_waiting_messages_are_delivered(
    app: Flask, handlers: list[Mapping[str, Handler]], receiver: Receiver
) -> None:
    bodies = [json.loads(message["body"]) for message in ROWS["messages"]]
    app.extensions["patchbay"].dispatcher.start()
    _run(handlers, f"deliver:{IN_PROGRESS}")
    requests = receiver.wait(len(bodies))
    app.extensions["patchbay"].dispatcher.stop()
    assert [json.loads(request.body) for request in requests] == bodies
    assert requests[0].headers["x-vapi-secret"] == "s"


def test_the_links_open_the_call(app: Flask) -> None:
    path, token = f"/call/{IN_PROGRESS}/control", CONTROL_TOKEN
    by_link = app.test_client().post(f"{path}?token={token}", json={"type": "end-call"})
    assert by_link.status_code == 200, by_link.text
    assert _call(Api(app, KEY), IN_PROGRESS)["endedReason"] == "manually-canceled"


def test_the_call_can_be_listened_to(app: Flask) -> None:
    context = app.extensions["patchbay"].context
    endpoint = find(context, IN_PROGRESS, LISTEN_TOKEN)
    assert endpoint is not None
    assert endpoint.host == "host"


@pytest.mark.parametrize("call_id", [FORWARDED, IN_PROGRESS])
def test_the_tokens_of_its_documents_lead_to_the_call(app: Flask, call_id: str) -> None:
    """They are random; their digests are rows, and they are sealed with the call."""
    context = app.extensions["patchbay"].context
    with context.store.read() as conn:
        call = record.get(conn, call_id)
        assert call is not None
        sealed = context.vault.open(call.secret)["document"]
        found = tokens.find_call(context.vault, conn, sealed["callback"])
        media = tokens.find_media(context.vault, conn, sealed["media"])
        assert found is not None
        assert media is not None
        assert (found.id, media.call.id, media.used) == (call_id, call_id, True)
        own, foreign = stream_id(f"/media/twilio/{sealed['media']}"), "0" * 16
        assert tokens.is_stream(context.vault, conn, call_id, own)
        assert not tokens.is_stream(context.vault, conn, call_id, foreign)
    streams = {e.get("stream") for e in ROWS["call_events"] if e["call_id"] == call_id}
    assert own in streams


def test_a_media_token_is_used_once_however_it_came_to_be(app: Flask) -> None:
    context = app.extensions["patchbay"].context
    with context.store.write() as conn:
        call = record.get(conn, QUEUED)
        assert call is not None
        row = next(each for each in ROWS["call_tokens"] if each["call_id"] == QUEUED)
        details = context.vault.open(call.secret)["details"]
        [token] = re.findall(r"/media/twilio/([\w-]+)", json.dumps(details)) or [None]
        assert token, details
        media = tokens.find_media(context.vault, conn, token)
        assert media is not None
        assert digest(token) == row["digest"]
        assert not media.used
        assert tokens.use(conn, media, context.now())
        assert not tokens.use(conn, media, context.now())


def test_a_change_keeps_what_was_known(app: Flask) -> None:
    """The call's other facts are stored again as they were."""
    context = app.extensions["patchbay"].context
    with context.store.write() as conn:
        call = record.get(conn, FORWARDED, lock=True)
        assert call is not None
        facts = call.facts._replace(spoken="Goodbye.")
        record.CallTx(context, conn, call).update(facts=facts)
    with context.store.read() as conn:
        stored = conn.execute(
            sa.text("SELECT resolved FROM calls WHERE id = :id"), {"id": FORWARDED}
        ).scalar_one()
    before = next(row for row in ROWS["calls"] if row["id"] == FORWARDED)["resolved"]
    assert json.loads(stored) == {**json.loads(before), "spoken": "Goodbye."}
