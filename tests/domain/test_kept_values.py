"""Values that are kept between requests: a call stores with them what it stores without them.

The same requests come three times: to fill what is kept, with it, and with a memory that finds
nothing. Ids, tokens and times differ, and are taken out; all else is compared byte for byte.
"""

from __future__ import annotations

import json
import re
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.store.kept import Kept
from app.store.schema import metadata
from app.wiring import Services
from tests.domain.live_call import Live
from tests.fakes.carriers.leg import Leg
from tests.routes.api import Api

ASSISTANT = {
    "name": "Reception",
    "firstMessage": "Hello {{name}}",
    "model": {
        "provider": "openai",
        "model": "gpt-4o",
        "messages": [{"role": "system", "content": "Be kind."}],
        "headers": {"x-secret": "a secret of the model"},
    },
    "server": {"url": "https://1.1.1.1/", "secret": "a secret", "timeoutSeconds": 7},
    "transport": {"provider": "echo"},
    "maxDurationSeconds": 300,
    "metadata": {"from": "the assistant"},
}
OVERRIDES = {"variableValues": {"name": "Ada"}, "server": {"secret": "another secret"}}
DIFFER = (
    (re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"), "ID"),
    (re.compile(r"\d{4}-\d\d-\d\d[T ][\d:.]+(Z|\+00:00)?"), "TIME"),
    (re.compile(r"\b\d{10,}\b|\b\d+\.\d+\b"), "TIME"),
    (re.compile(r"[\w-]{22,}|\b(CON-)?[0-9a-f]{16}\b"), "TOKEN"),
)


def _requests(api: Api, leg: Leg, number: str, assistant: str) -> set[str]:
    """One call of each way in, to its end. Returns the ids of the calls."""
    body = {
        "phoneCallProviderBypassEnabled": True,
        "phoneNumberId": number,
        "customer": {"number": "+14155550111", "name": "Ada"},
    }
    created = [
        api.made("/call", {**body, "assistantId": assistant}),
        api.made("/call", {**body, "assistantId": assistant, "assistantOverrides": OVERRIDES}),
        api.made("/call", {**body, "assistant": ASSISTANT}),
    ]
    live = Live(api, leg, {"assistantId": assistant})
    live.lose()
    live.put_back(1)
    live.end()
    return {live.id, *(str(call["id"]) for call in created)}


def _stored(services: Services, calls: set[str]) -> list[str]:
    """All rows of these calls, without what differs from one run to the next."""
    found = list[str]()
    with services.store.read() as conn:
        for table in metadata.sorted_tables:
            for row in conn.execute(sa.select(table)).mappings():
                if calls & {row.get("id"), row.get("call_id")}:
                    found.append(f"{table.name} {_told(services, dict(row))}")
    return sorted(found)


def _told(services: Services, row: dict[str, Any]) -> str:
    for name in ("id", "seq", "at", "received_at"):
        row.pop(name, None)
    if isinstance(row.get("secret"), bytes):
        row["secret"] = services.vault.open(row["secret"])
    text = json.dumps(row, default=str)
    for pattern, name in DIFFER:
        text = pattern.sub(name, text)
    return text


def test_a_call_stores_the_same_with_and_without_kept_values(
    app: Flask,
    api: Api,
    carrier: type[Leg],
    number: dict[str, Any],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    services: Services = app.extensions["patchbay"]
    assistant = str(api.made("/assistant", ASSISTANT)["id"])

    def run() -> list[str]:
        leg = carrier(app)
        return _stored(services, _requests(api, leg, number["id"], assistant))

    run()
    kept = run()
    monkeypatch.setattr(Kept, "find", lambda *_: None)
    assert run() == kept
