"""A client of the API with one organisation's key, and the bodies the tests send."""

from __future__ import annotations

from typing import Any

from flask import Flask
from werkzeug.test import TestResponse

from app.store import accounts
from app.store.vault import digest
from app.wiring import Services

ACCOUNT = "AC" + "a" * 32
TOKEN = "the carrier's own secret"
UNKNOWN = "00000000-0000-4000-8000-000000000000"

TWILIO_NUMBER = {
    "provider": "twilio",
    "number": "+14155550100",
    "twilioAccountSid": ACCOUNT,
    "twilioAuthToken": TOKEN,
}
VONAGE_CREDENTIAL = {
    "provider": "vonage",
    "apiKey": "abcd1234",
    "apiSecret": "a secret of Vonage",
    "signatureSecret": "another secret of Vonage",
}


class Api:
    """HTTP in short: ``api.post("/call", {...})``."""

    def __init__(self, app: Flask, key: str | None, org_id: str = "") -> None:
        self.app = app
        self.key = key
        self.org_id = org_id

    def request(self, method: str, path: str, body: Any = None, **options: Any) -> TestResponse:
        headers = {"Authorization": f"Bearer {self.key}"} if self.key else {}
        headers |= options.pop("headers", {})
        if body is not None:
            options["json"] = body
        return self.app.test_client().open(path, method=method, headers=headers, **options)

    def get(self, path: str, **query: Any) -> TestResponse:
        return self.request("GET", path, query_string=query)

    def post(self, path: str, body: Any = None, **options: Any) -> TestResponse:
        return self.request("POST", path, body, **options)

    def patch(self, path: str, body: Any) -> TestResponse:
        return self.request("PATCH", path, body)

    def put(self, path: str, body: Any) -> TestResponse:
        return self.request("PUT", path, body)

    def delete(self, path: str, body: Any = None) -> TestResponse:
        return self.request("DELETE", path, body)

    def made(self, path: str, body: Any) -> dict[str, Any]:
        """What was created."""
        answer = self.post(path, body)
        assert answer.status_code == 201, answer.text
        created: dict[str, Any] = answer.json
        return created

    def call(self, **fields: Any) -> dict[str, Any]:
        """A bypass call on a number of its own."""
        number = next(iter(self.get("/phone-number").json), None)
        number = number or self.made("/phone-number", TWILIO_NUMBER)
        body = {
            "phoneCallProviderBypassEnabled": True,
            "phoneNumberId": number["id"],
            "assistant": {"name": "Reception"},
            "customer": {"number": "+14155550111"},
        }
        return self.made("/call", body | fields)


def organisation(app: Flask, org_id: str, key: str) -> Api:
    """A new organisation with one key."""
    services: Services = app.extensions["patchbay"]
    now = services.context.now()
    org = {"id": org_id, "name": key, "server_url": None, "secret": None}
    api_key = {"id": org_id, "org_id": org_id, "name": key, "prefix": key[:8]}
    with services.store.write() as conn:
        accounts.put_org(conn, {**org, "created_at": now, "updated_at": now})
        accounts.insert_key(
            conn, {**api_key, "digest": digest(key), "created_at": now, "revoked_at": None}
        )
    return Api(app, key, org_id)


def refused(answer: TestResponse, status: int = 400) -> Any:
    """The message of an error in Vapi's shape."""
    assert answer.status_code == status, answer.text
    assert set(answer.json) == {"message", "error", "statusCode"}
    assert answer.json["statusCode"] == status
    return answer.json["message"]
