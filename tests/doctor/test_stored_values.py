"""What was stored under a laxer rule is named, without its value, and a change of it is refused."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from flask import Flask

from app.doctor.stored_values import MAX_LINE, unsendable
from app.store.schema import assistants, credentials, phone_numbers
from app.wiring import Services
from tests.routes.api import TWILIO_NUMBER, Api, refused

BAD = "caf\u00e9-secret"
HOOK = "https://client.example/hook"
GOOD: dict[str, dict[str, Any]] = {
    "assistant": {"name": "x", "server": {"url": HOOK, "secret": "good"}},
    "phone-number": TWILIO_NUMBER | {"serverUrl": HOOK, "serverUrlSecret": "good"},
    "credential": {"provider": "deepgram", "apiKey": "good", "apiUrl": "https://a.example"},
}
TABLES = {"assistant": assistants, "phone-number": phone_numbers, "credential": credentials}
OLD: list[tuple[str, dict[str, Any], dict[str, Any], str]] = [
    # kind, what is stored, the rest of it sealed, what is said
    ("assistant", {"server": {"url": HOOK}}, {"server": {"secret": BAD}}, "server.secret must be"),
    (
        "assistant",
        {"model": {"tools": [{"server": {"url": HOOK}}]}},
        {"model": {"tools": {"#0": {"server": {"headers": {"X\nY": BAD}}}}}},
        "model.tools.0.server.headers.X?Y must have a name",
    ),
    ("assistant", {"server": {"url": "ws://client.example"}}, {}, "server.url must be a URL"),
    (
        "assistant",
        {},
        {"credentials": [{"provider": "groq", "apiKey": BAD}]},
        "credentials.0.apiKey",
    ),
    ("phone-number", {"serverUrl": HOOK}, {"serverUrlSecret": BAD}, "serverUrlSecret must be"),
    ("credential", {"apiUrl": "https://a.example/v1"}, {"apiKey": "k"}, "apiUrl must be like"),
    ("credential", {"name": "Main"}, {"apiKey": BAD}, "apiKey must be one line"),
    (
        "credential",
        {"apiUrl": "https://u:p@a.example"},
        {"apiKey": "k"},
        "apiUrl: the URL must not",
    ),
    ("assistant", {}, {"server": {"headers": {"X " * MAX_LINE: BAD}}}, "server.headers.X X"),
]


def lines(services: Services) -> list[str]:
    with services.store.read() as conn:
        return [*unsendable(services.context, conn)]


def test_what_was_stored_before(app: Flask, api: Api) -> None:
    services: Services = app.extensions["patchbay"]
    ids = {kind: api.made(f"/{kind}", body)["id"] for kind, body in GOOD.items()}
    assert lines(services) == []
    for kind, body, secret, told in OLD:
        table = TABLES[kind]
        before = sa.select(table.c.body, table.c.secret).where(table.c.id == ids[kind])
        with services.store.write() as conn:
            kept = {**conn.execute(before).mappings().one()}
            stored = {"body": body, "secret": services.vault.seal(secret)}
            conn.execute(sa.update(table).where(table.c.id == ids[kind]).values(stored))
        [line] = lines(services) or [f"nothing about {told}"]
        assert line.startswith(f"/{kind}/{ids[kind]}: PATCH it: {told}")
        assert line.isprintable()
        assert len(line) < MAX_LINE + 100
        assert BAD not in line
        if kind != "credential":
            [message] = refused(api.patch(f"/{kind}/{ids[kind]}", {"name": "y"}))
            assert message.replace("\n", "?").startswith(told)
        with services.store.write() as conn:
            conn.execute(sa.update(table).where(table.c.id == ids[kind]).values(kept))


def test_one_sealed_with_another_key(app: Flask, api: Api) -> None:
    id = api.made("/assistant", GOOD["assistant"])["id"]
    services: Services = app.extensions["patchbay"]
    with services.store.write() as conn:
        conn.execute(sa.update(assistants).values(secret=b"unreadable"))
    [line] = lines(services)
    assert line.startswith(f"/assistant/{id}: SECRET_KEY is not the one")
