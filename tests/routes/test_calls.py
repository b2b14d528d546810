"""/call over HTTP. What a call is and becomes is tested with the domain."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from flask import Flask

from app.settings import Settings
from app.store import calls
from tests.routes.api import TOKEN, TWILIO_NUMBER, UNKNOWN, Api, refused

TRANSIENT = {
    "twilioPhoneNumber": "14155550100",
    "twilioAccountSid": TWILIO_NUMBER["twilioAccountSid"],
    "twilioAuthToken": TOKEN,
}


@pytest.mark.parametrize("path", ["/call", "/call/phone"])
def test_create(api: Api, path: str) -> None:
    number = api.made("/phone-number", TWILIO_NUMBER)
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number["id"].upper(),
        "assistant": {"name": "Reception", "model": {"provider": "openai", "temperature": None}},
        "customer": {"number": "+14155550111", "name": "Ada"},
        "metadata": {"ticket": 7},
        "name": "first",
        "maxDurationSeconds": 600,
    }
    call = api.made(path, body)
    assert call["status"] == "queued"
    assert call["orgId"] == api.org_id
    assert call["phoneNumberId"] == number["id"]
    for name in ("assistant", "customer", "metadata", "name", "maxDurationSeconds"):
        assert call[name] == body[name]
    assert "<Connect>" in call["phoneCallProviderDetails"]["twiml"]


def test_create_with_a_number_of_its_own(api: Api) -> None:
    call = api.made(
        "/call",
        {
            "phoneCallProviderBypassEnabled": True,
            "phoneNumber": TRANSIENT,
            "assistant": {},
            "customer": {"number": "+14155550111"},
        },
    )
    assert call["phoneCallProviderDetails"]["from"] == "+14155550100"
    assert TOKEN not in api.get(f"/call/{call['id']}").text


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, allowed_sip_hosts=frozenset({"example.com"}))


@pytest.mark.parametrize("bypass", [{}, {"phoneCallProviderBypassEnabled": False}])
def test_without_bypass_the_call_is_accepted_and_dialled_later(
    api: Api, bypass: dict[str, Any]
) -> None:
    body = {**bypass, "phoneNumber": TRANSIENT, "assistant": {}}
    sip = {"name": "Ann", "sipUri": "sip:ann@example.com"}
    call = api.made("/call", {**body, "customer": sip})
    assert (call["status"], call["phoneCallTransport"]) == ("queued", "sip")
    assert "phoneCallProviderDetails" not in call
    assert call["phoneCallProviderBypassEnabled"] is False
    for wrong in ({"name": "Ann"}, {"number": "+14155550111", "extension": "ask Ann"}):
        assert isinstance(refused(api.post("/call", {**body, "customer": wrong})), str)
    assert len(api.get("/call").json) == 1


BYPASS = {"phoneCallProviderBypassEnabled": True}


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (BYPASS, "Couldn't Get Phone Number. Need Either `phoneNumberId` Or `phoneNumber`."),
        (
            {**BYPASS, "phoneNumberId": UNKNOWN},
            f"Couldn't Get Phone Number. `phoneNumberId` {UNKNOWN} Does Not Exist.",
        ),
        (
            {**BYPASS, "phoneNumber": TRANSIENT},
            "Couldn't Get Assistant. Need Either `assistant`, `assistantId`, `squad`, Or `squadId`.",
        ),
        (
            {**BYPASS, "phoneNumber": TRANSIENT, "assistantId": UNKNOWN},
            f"Couldn't Get Assistant. `assistantId` {UNKNOWN} Does Not Exist.",
        ),
        (
            {**BYPASS, "phoneNumber": {"twilioPhoneNumber": "+14155550100"}},
            "Couldn't Get Credential. Need Either `credentialId` Or `twilioAuthToken`.",
        ),
    ],
)
def test_what_is_missing_is_a_sentence(api: Api, body: dict[str, Any], message: str) -> None:
    assert refused(api.post("/call", body)) == message


def test_get_change_delete(api: Api) -> None:
    call = api.call(name="first", metadata={"a": 1})
    path = f"/call/{call['id']}"
    changed = api.patch(path, {"name": None, "metadata": {"b": 2}}).json
    assert "name" not in changed
    assert changed["metadata"] == {"b": 2}
    assert changed == api.get(path).json
    deleted = api.delete(path, {})  # one official client sends an empty object, one no body
    assert (deleted.status_code, deleted.json["id"]) == (200, call["id"])
    assert refused(api.get(path), 404) == f"Couldn't Find Call. `{call['id']}` Does Not Exist."


def test_nothing_else_of_a_call_is_changed(api: Api) -> None:
    path = f"/call/{api.call()['id']}"
    assert refused(api.patch(path, {"status": "ended"})) == ["property status should not exist"]


def test_list_filters(api: Api) -> None:
    first, second = api.call(), api.call()
    ended = api.post(f"/call/{first['id']}/control", {"type": "end-call"})
    assert ended.status_code == 200

    def listed(**query: Any) -> list[str]:
        return [call["id"] for call in api.get("/call", **query).json]

    both = [second["id"], first["id"]]
    assert listed() == both
    assert listed(limit=1) == both[:1]
    assert listed(limit=0) == []
    assert listed(id=first["id"]) == both[1:]
    assert listed(status="ended") == both[1:]
    assert listed(endedReason="manually-canceled") == both[1:]
    assert listed(endedReason="customer-busy") == []
    assert listed(phoneNumberId=first["phoneNumberId"]) == both
    assert listed(phoneNumberId=UNKNOWN) == []
    assert listed(assistantId=UNKNOWN) == []
    assert listed(phoneCallProviderId="CA1") == []


def test_list_by_number_and_words(api: Api) -> None:
    first = api.call(customer={"number": "+14155550133"}, metadata={"order": "A-17"})
    second = api.call(name="Order 18")

    def listed(path: str = "/call", **query: Any) -> list[str]:
        found = api.get(path, **query).json
        return [call["id"] for call in (found if path == "/call" else found["results"])]

    for path in ("/call", "/v2/call"):
        assert listed(path, customerNumber="+14155550133") == [first["id"]]
        assert listed(path, customerNumber="+1415555013") == []
        assert listed(path, phoneNumber="+14155550100") == [second["id"], first["id"]]
        assert listed(path, phoneNumber="+14155550133") == []
        assert listed(path, text="order a-17") == [first["id"]]
        assert listed(path, text="ORD") == [second["id"], first["id"]]
        assert listed(path, text="order 19") == []
    assert refused(api.get("/call", text="x" * 256))


def test_list_by_the_carriers_own_id(app: Flask, api: Api) -> None:
    first, second = api.call(), api.call()
    with app.extensions["patchbay"].store.write() as conn:
        calls.update(conn, first["id"], {"provider_call_id": "CA1"})
        calls.update(conn, second["id"], {"provider_call_id": "CA2"})
    (found,) = api.get("/call", phoneCallProviderId="CA1").json
    assert (found["id"], found["phoneCallProviderId"]) == (first["id"], "CA1")
    assert api.get("/call", phoneCallProviderId="CA1", status="ended").json == []


@pytest.mark.parametrize("field", ["createdAt", "updatedAt"])
def test_a_page_is_what_is_older_than_the_last(app: Flask, api: Api, field: str) -> None:
    made = [api.call()["id"] for _ in range(5)]
    with app.extensions["patchbay"].store.write() as conn:
        for minute, call_id in enumerate(made):
            at = datetime(2026, 1, 1, 12, minute, tzinfo=UTC)
            calls.update(conn, call_id, {"created_at": at, "updated_at": at})
    seen, before = list[list[str]](), dict[str, str]()
    while page := api.get("/call", limit=2, **before).json:
        seen.append([call["id"] for call in page])
        before = {f"{field}Lt": page[-1][field]}
    assert seen == [[made[4], made[3]], [made[2], made[1]], [made[0]]]


@pytest.mark.parametrize(
    ("query", "found", "metadata"),
    [
        ({}, [4, 3, 2, 1, 0], (100, 5, 1, 1, False)),  # all of them, newest first
        ({"limit": 2, "page": 1}, [4, 3], (2, 5, 1, 3, True)),
        ({"limit": 2, "page": 3}, [0], (2, 5, 3, 3, False)),
        ({"limit": 2, "page": 4}, [], (2, 5, 4, 3, False)),  # beyond the last
        ({"limit": 2, "page": 2, "sortOrder": "ASC"}, [2, 3], (2, 5, 2, 3, True)),
        ({"limit": 1, "status": "ringing"}, [], (1, 0, 1, 0, False)),  # filters count too
        ({"createdAtGe": "2026-01-01T12:03:00Z"}, [4, 3], (100, 2, 1, 1, False)),
        ({"limit": 0}, [], (0, 5, 1, 1, False)),
    ],
)
def test_pages(
    app: Flask, api: Api, query: dict[str, Any], found: list[int], metadata: tuple[Any, ...]
) -> None:
    made = [api.call()["id"] for _ in range(5)]
    with app.extensions["patchbay"].store.write() as conn:
        for minute, call_id in enumerate(made):
            calls.update(
                conn, call_id, {"created_at": datetime(2026, 1, 1, 12, minute, tzinfo=UTC)}
            )
    page = api.get("/v2/call", **query).json
    assert [call["id"] for call in page["results"]] == [made[n] for n in found]
    assert tuple(page["metadata"].values()) == metadata


def test_pages_are_the_organisations_own(api: Api, other: Api) -> None:
    api.call()
    assert other.get("/v2/call").json["metadata"]["totalItems"] == 0


@pytest.mark.parametrize("query", [{"page": 0}, {"sortOrder": "UP"}, {"costGe": 1}])
def test_wrong_pages(api: Api, query: dict[str, Any]) -> None:
    assert len(refused(api.get("/v2/call", **query))) == 1


def test_list_by_time_as_clients_see_it(api: Api) -> None:
    """A client pages with the times it was shown; they have milliseconds only."""
    call = api.call()
    seen = call["createdAt"]
    later = (datetime.fromisoformat(seen) + timedelta(milliseconds=1)).isoformat()
    for query, found in [
        ({"createdAtGe": seen}, True),
        ({"createdAtLe": seen}, True),
        ({"createdAtGt": seen}, False),
        ({"createdAtLt": seen}, False),
        ({"createdAtLt": later}, True),
        ({"createdAtGe": later}, False),
        ({"updatedAtGe": call["updatedAt"], "updatedAtLe": call["updatedAt"]}, True),
    ]:
        assert bool(api.get("/call", **query).json) is found, query


def test_events_and_messages(api: Api) -> None:
    call = api.call(assistant={"serverUrl": "http://127.0.0.1:9/hook", "serverUrlSecret": "x-y-z"})
    events = api.get(f"/call/{call['id']}/events").json
    assert [event["kind"] for event in events] == ["call.created"]
    [message] = api.get(f"/call/{call['id']}/messages").json
    assert (message["type"], message["state"]) == ("status-update", "pending")
    again = api.post(f"/call/{call['id']}/messages/{message['id']}/resend")
    assert (again.status_code, again.json["id"]) == (200, message["id"])


def test_resend_of_an_unknown_message(api: Api) -> None:
    path = f"/call/{api.call()['id']}/messages"
    message = f"Couldn't Find Message. `{UNKNOWN}` Does Not Exist."
    assert refused(api.post(f"{path}/{UNKNOWN}/resend"), 404) == message
    assert refused(api.post(f"{path}/x/resend")) == ["messageId must be a UUID"]


def test_control_wants_a_body(api: Api) -> None:
    path = f"/call/{api.call()['id']}/control"
    assert "no body" in refused(api.post(path))
    assert refused(api.post(path, {})) == ["type should not be empty"]
    unknown = {"type": "send-transport-message"}
    told = ["control type `send-transport-message` is not offered"]
    assert refused(api.post(path, unknown)) == told
    assert api.post(path, {"type": "end-call"}).status_code == 200
    assert "has ended" in refused(api.post(path, {"type": "end-call"}))


@pytest.mark.parametrize("suffix", ["", "/events", "/messages"])
def test_an_id_is_a_uuid(api: Api, suffix: str) -> None:
    assert refused(api.get(f"/call/7{suffix}")) == ["id must be a UUID"]
