"""/server-message over HTTP: what failed across calls, and its resend."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest

from app.store.engine import Store
from app.store.schema import messages
from tests.routes.api import Api, refused

URL = "http://127.0.0.1:9/hook"
FAILED = {"state": "failed", "attempts": 10}


def queued(api: Api, **values: Any) -> dict[str, Any]:
    """The one message of a new call, with these columns."""
    call = api.call(assistant={"serverUrl": URL})
    store: Store = api.app.extensions["patchbay"].store
    with store.write() as conn:
        conn.execute(messages.update().where(messages.c.call_id == call["id"]).values(**values))
    [message] = api.get(f"/call/{call['id']}/messages").json
    return {**message, "callId": call["id"]}


def ids(listed: Any) -> list[str]:
    return [each["id"] for each in listed]


@pytest.mark.database
def test_failed_messages_of_all_calls(api: Api, other: Api) -> None:
    first, second = queued(api, **FAILED), queued(api, **FAILED)
    waiting = queued(api, attempts=1)
    queued(api, state="delivered")
    queued(other, **FAILED)
    listed = api.get("/server-message").json
    assert ids(listed) == [second["id"], first["id"]]
    assert listed[0] == {
        **{name: second[name] for name in ("id", "callId", "type", "url", "createdAt")},
        "state": "failed",
        "nextAttemptAt": None,
        "blockedBy": None,
        "lastAttempt": None,
    }
    assert ids(api.get("/server-message", state="pending").json) == [waiting["id"]]
    assert ids(api.get("/server-message", limit=1).json) == [second["id"]]
    older = api.get("/server-message", createdAtLt=second["createdAt"]).json
    assert ids(older) == [first["id"]] or first["createdAt"] == second["createdAt"]


@pytest.mark.database
def test_failed_messages_are_sent_again_within_a_bound(api: Api, other: Api) -> None:
    failed = [queued(api, **FAILED) for _ in range(3)]
    foreign = queued(other, **FAILED)
    begun = datetime.fromisoformat(failed[0]["createdAt"])
    assert api.post("/server-message/resend?limit=2").json == {"resent": 2, "remaining": True}
    assert ids(api.get("/server-message").json) == [failed[2]["id"]]
    for pending in api.get("/server-message", state="pending").json:
        assert datetime.fromisoformat(pending["nextAttemptAt"]) >= begun
    later = (begun + timedelta(days=1)).isoformat()
    none = {"resent": 0, "remaining": False}
    assert api.post("/server-message/resend", query_string={"createdAtGt": later}).json == none
    assert api.post("/server-message/resend").json == {"resent": 1, "remaining": False}
    assert api.post("/server-message/resend").json == none
    assert ids(other.get("/server-message").json) == [foreign["id"]]


def test_what_a_message_waits_for_is_said(api: Api) -> None:
    message = queued(api, attempts=1)
    soon = datetime.fromisoformat(message["createdAt"]) + timedelta(hours=1)
    api.post(f"/call/{message['callId']}/control", {"type": "end-call"})
    store: Store = api.app.extensions["patchbay"].store
    with store.write() as conn:
        this = messages.c.id == message["id"]
        conn.execute(messages.update().where(this).values(next_at=soon))
    first, *others = api.get(f"/call/{message['callId']}/messages").json
    assert (first["id"], first["blockedBy"]) == (message["id"], None)
    assert others
    assert {each["blockedBy"] for each in others} == {message["id"]}
    assert {each["nextAttemptAt"] for each in others} == {first["nextAttemptAt"]}
    path = f"/call/{message['callId']}/messages/{others[-1]['id']}/resend"
    resent = api.post(path).json
    assert resent["blockedBy"] is None
    assert datetime.fromisoformat(resent["nextAttemptAt"]) < soon


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/server-message?state=delivered"),
        ("GET", "/server-message?limit=1001"),
        ("POST", "/server-message/resend?limit=501"),
        ("POST", "/server-message/resend?limit=0"),
        ("POST", "/server-message/resend?state=failed"),
    ],
)
def test_wrong_queries(entry: Api, method: str, path: str) -> None:
    assert len(refused(entry.request(method, path))) == 1
