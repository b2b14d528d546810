"""/credential of a client's own servers, and the servers that name one."""

from __future__ import annotations

from typing import Any

import pytest
from flask import Flask

from app.domain.calls import record
from app.domain.reporting import server_messages
from app.net.authentication import Bearer, Outgoing, Unusable
from app.wiring import Services
from tests.fakes.client_server import Receiver
from tests.routes.api import TWILIO_NUMBER, UNKNOWN, Api, refused

pytestmark = pytest.mark.any_store  # the subject: requests to servers

SECRET = "c4n4ry-of-a-server"
BEARER = {"type": "bearer", "token": SECRET, "headerName": "X-Key"}
OAUTH = {
    "type": "oauth2",
    "url": "http://127.0.0.1:9/token",
    "clientId": "me",
    "clientSecret": SECRET,
    "scope": "a",
}
HMAC = {"type": "hmac", "secretKey": SECRET, "algorithm": "sha256"}
SEALED = {"bearer": "token", "oauth2": "clientSecret", "hmac": "secretKey"}


@pytest.mark.parametrize("provider", ["webhook", "custom-credential"])
@pytest.mark.parametrize("plan", [BEARER, OAUTH, HMAC], ids=SEALED)
def test_a_credential_is_shown_without_its_secret(
    api: Api, provider: str, plan: dict[str, Any]
) -> None:
    body = {"provider": provider, "name": "mine", "authenticationPlan": plan}
    made = api.made("/credential", body)
    public = {k: v for k, v in plan.items() if k != SEALED[plan["type"]]}
    assert made["authenticationPlan"] == public
    assert (made["provider"], made["name"]) == (provider, "mine")
    path = f"/credential/{made['id']}"
    assert SECRET not in api.get(path).text + api.get("/credential").text
    # sent back as it was read, it keeps its secret
    changed = api.patch(path, {"name": "other", "authenticationPlan": {**public}})
    assert changed.status_code == 200, changed.text
    assert SECRET not in changed.text
    assert api.delete(path).status_code == 200


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({}, "authenticationPlan must be an object"),
        ({"authenticationPlan": {"type": "magic"}}, "authenticationPlan.type must be one of"),
        ({"authenticationPlan": {"type": "bearer"}}, "token should not be empty"),
        ({"authenticationPlan": BEARER, "apiKey": "x"}, "property apiKey should not exist"),
        (
            {"authenticationPlan": {**HMAC, "secretIsBase64": True, "secretKey": "\u2603"}},
            "secretKey is not base64",
        ),
        ({"authenticationPlan": {**OAUTH, "url": "ftp://x/"}}, "authenticationPlan.url: "),
    ],
)
def test_a_plan_that_cannot_be_used_is_refused(
    api: Api, body: dict[str, Any], problem: str
) -> None:
    assert problem in str(refused(api.post("/credential", {"provider": "webhook", **body})))


def test_another_type_needs_its_own_secret(api: Api) -> None:
    made = api.made("/credential", {"provider": "webhook", "authenticationPlan": BEARER})
    other = {"authenticationPlan": {"type": "hmac", "algorithm": "sha256"}}
    assert "secretKey" in str(refused(api.patch(f"/credential/{made['id']}", other)))


def holders(credential_id: str) -> list[tuple[str, dict[str, Any]]]:
    server = {"url": "https://example.com/", "credentialId": credential_id}
    tool = {"type": "function", "function": {"name": "f"}, "server": server}
    request = {"type": "apiRequest", "url": "https://example.com/", "credentialId": credential_id}
    return [
        ("/assistant", {"server": server}),
        ("/tool", request),
        ("/tool", {"type": "mcp", "server": server}),
        ("/assistant", {"model": {"provider": "openai", "tools": [tool]}}),
        ("/assistant", {"model": {"provider": "openai", "tools": [request]}}),
        (
            "/assistant",
            {"hooks": [{"on": "call.ending", "do": [{"type": "tool", "tool": request}]}]},
        ),
        ("/assistant", {"voice": {"provider": "custom-voice", "server": server}}),
        ("/assistant", {"transcriber": {"provider": "custom-transcriber", "server": server}}),
        ("/phone-number", {**TWILIO_NUMBER, "server": server}),
    ]


@pytest.mark.parametrize("place", range(len(holders(UNKNOWN))))
def test_a_credential_that_is_not_the_clients_is_refused(api: Api, other: Api, place: int) -> None:
    foreign = other.made("/credential", {"provider": "webhook", "authenticationPlan": BEARER})
    for credential_id in (UNKNOWN, foreign["id"]):
        path, body = holders(credential_id)[place]
        assert f"credential {credential_id} does not exist" in str(refused(api.post(path, body)))
    mine = api.made("/credential", {"provider": "webhook", "authenticationPlan": BEARER})
    path, body = holders(mine["id"])[place]
    assert api.post(path, body).status_code == 201


def test_a_calls_own_assistant_is_checked_too(api: Api) -> None:
    number = api.made("/phone-number", TWILIO_NUMBER)
    server = {"url": "https://example.com/", "credentialId": UNKNOWN}
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number["id"],
        "customer": {"number": "+14155550123"},
        "assistant": {"server": server},
    }
    assert "does not exist" in str(refused(api.post("/call", body)))


def test_a_calls_messages_are_signed_until_the_credential_is_gone(app: Flask, api: Api) -> None:
    made = api.made("/credential", {"provider": "webhook", "authenticationPlan": BEARER})
    server = {"url": "https://example.com/", "credentialId": made["id"]}
    call = api.call(assistant={"server": server})
    services: Services = app.extensions["patchbay"]
    context = services.context
    with services.store.read() as conn:
        found = record.get(conn, call["id"])
    assert found is not None
    signer = server_messages.server_secrets(context, found)["signer"]
    assert isinstance(signer, Bearer)
    asked = Outgoing("https://example.com/", b"", "m", 0)
    assert signer.headers(asked) == {"X-Key": f"Bearer {SECRET}"}
    assert api.delete(f"/credential/{made['id']}").status_code == 200
    gone = server_messages.server_secrets(context, found)["signer"]
    assert gone == Unusable(f"credential {made['id']} does not exist")


@pytest.mark.parametrize("own", [None, {"secret": "mine"}, {"headers": {"X-A": "1"}}, {}])
def test_a_question_is_repeated_as_its_server_says(
    app: Flask, api: Api, own: dict[str, Any] | None
) -> None:
    """That of a tool's own server, else of the call's."""
    plan = {"type": "fixed", "maxRetries": 1, "baseDelaySeconds": 0}
    with Receiver([503, 200]) as receiver:
        server = {"url": receiver.url, "backoffPlan": plan}
        call = api.call(assistant={"server": server if own is None else {"url": receiver.url}})
        services: Services = app.extensions["patchbay"]
        with services.store.read() as conn:
            found = record.get(conn, call["id"])
        assert found is not None
        named = None if own is None else {**server, **own}
        reply = server_messages.ask(services.context, found, "tool-calls", {}, 5.0, named)
        assert reply.error is None
        assert len(receiver.requests) == 2


def test_a_custom_models_key_may_be_a_token(api: Api) -> None:
    body = {"provider": "custom-llm", "authenticationPlan": OAUTH}
    made = api.made("/credential", body)
    assert SECRET not in api.get(f"/credential/{made['id']}").text
    assert made["authenticationPlan"]["clientId"] == "me"
    wrong = {**body, "authenticationPlan": BEARER}
    assert "authenticationPlan.type must be one of" in str(refused(api.post("/credential", wrong)))
