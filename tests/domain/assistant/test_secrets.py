"""Secrets below an assistant: sealed and never shown, yet in their places for who needs them."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
import sqlalchemy as sa
from flask import Flask

from app.domain.assistant.secrets import split_secrets, with_secrets
from app.domain.overlay import merge
from app.store import schema
from tests.domain.live_call import join, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.fakes.client_server import Receiver
from tests.routes.api import Api

pytestmark = pytest.mark.any_store  # the subject: what is sealed

CANARY = "c4n4ry"

PLACES: dict[str, Any] = {
    "the flat name": {"serverUrl": "https://a.example/", "serverUrlSecret": CANARY},
    "the server's": {"server": {"url": "https://a.example/", "secret": CANARY}},
    "the server's headers": {
        "server": {"url": "https://a.example/", "headers": {"Authorization": CANARY}}
    },
    "the stream's headers": {
        "transport": {
            "provider": "stream",
            "url": "wss://a.example/",
            "headers": {"X-Key": CANARY},
        }
    },
    "the custom model's headers": {
        "model": {"provider": "custom-llm", "headers": {"X-Key": CANARY}}
    },
    # a function the model may call has a server of its own
    "a tool's": {
        "model": {
            "provider": "openai",
            "tools": [
                {"type": "endCall"},
                {"type": "function", "server": {"url": "https://b.example/", "secret": CANARY}},
            ],
        }
    },
    "a tool's headers": {
        "model": {"tools": [{"server": {"url": "https://b.example/", "headers": {"X": CANARY}}}]}
    },
    "an API request's headers": {
        "model": {"tools": [{"type": "apiRequest", "headers": {"X-Key": CANARY}}]}
    },
    "a hook's API request's headers": {
        "hooks": [
            {
                "on": "call.ending",
                "do": [{"type": "tool", "tool": {"type": "apiRequest", "headers": {"X": CANARY}}}],
            }
        ]
    },
    "a transfer assistant's credentials": {
        "model": {
            "tools": [
                {
                    "type": "transferCall",
                    "destinations": [
                        {
                            "type": "number",
                            "number": "+14155550188",
                            "transferPlan": {
                                "mode": "warm-transfer-experimental",
                                "transferAssistant": {"credentials": [{"apiKey": CANARY}]},
                            },
                        }
                    ],
                }
            ]
        }
    },
    "lists in lists": {"plans": [[{"do": [{"server": {"secret": CANARY}}]}], []]},
    # keys of other vendors, of whatever shape
    "credentials": {"credentials": [{"provider": "openai", "apiKey": CANARY}]},
}

every_place = pytest.mark.parametrize("secretive", PLACES.values(), ids=PLACES)


@every_place
def test_split_and_merged_it_is_what_it_was(secretive: dict[str, Any]) -> None:
    before = copy.deepcopy(secretive)
    public, secret = split_secrets(secretive)
    assert CANARY not in str(public)
    assert merge(public, secret) == secretive == before


def tool(name: str, host: str, **server: str) -> dict[str, Any]:
    return {"function": {"name": name}, "server": {"url": f"https://{host}.example/", **server}}


A, B, END = tool("a", "a", secret="of a"), tool("b", "b", secret="of b"), {"type": "endCall"}
A_SHOWN, B_SHOWN = tool("a", "a"), tool("b", "b")
KEYED = {"type": "apiRequest", "url": "https://c.example/", "name": "c", "headers": {"X": CANARY}}
KEYED_SHOWN = {name: value for name, value in KEYED.items() if name != "headers"}


@pytest.mark.parametrize(
    ("old", "shown", "whole"),
    [
        ([A, B], [A_SHOWN, B_SHOWN], [A, B]),
        # others were removed, added, or changed their places
        ([END, A, B], [A_SHOWN, B_SHOWN], [A, B]),
        ([A, B], [END, A_SHOWN, B_SHOWN], [END, A, B]),
        ([A, B], [B_SHOWN, A_SHOWN], [B, A]),
        ([END, KEYED], [KEYED_SHOWN], [KEYED]),
        # renamed in its place
        ([A], [tool("new", "a")], [tool("new", "a", secret="of a")]),
        # the secret of one server never goes to another
        ([A], [tool("a", "b")], [tool("a", "b")]),
        ([A, B], [tool("a", "b"), A_SHOWN], [tool("a", "b"), A]),
        # one secret for one item
        ([A], [A_SHOWN, A_SHOWN], [A, A_SHOWN]),
        # another secret wins
        ([A, B], [tool("b", "b", secret="new")], [tool("b", "b", secret="new")]),
        ([], [A_SHOWN], [A_SHOWN]),
        ([A], [], []),
    ],
)
def test_secrets_follow_the_items_of_a_list(old: Any, shown: Any, whole: Any) -> None:
    assert with_secrets(old, shown, "tools") == whole


@pytest.fixture
def carrier() -> type[Leg]:
    """It makes no difference here."""
    return TwilioLeg


def rows(app: Flask, *columns: sa.Column[Any]) -> str:
    """What lies open in the store."""
    with app.extensions["patchbay"].store.read() as conn:
        return str([[tuple(row) for row in conn.execute(sa.select(column))] for column in columns])


@every_place
class TestOfAStoredAssistant:
    @pytest.fixture
    def assistant(self, api: Api, secretive: dict[str, Any]) -> dict[str, Any]:
        return api.made("/assistant", {"name": "x", **secretive})

    def test_it_is_not_shown(self, app: Flask, api: Api, assistant: dict[str, Any]) -> None:
        assert CANARY not in json.dumps(assistant)
        assert CANARY not in api.get("/assistant").text
        assert CANARY not in rows(app, schema.assistants.c.body)

    def test_the_seat_has_it(
        self, api: Api, leg: Leg, assistant: dict[str, Any], secretive: dict[str, Any]
    ) -> None:
        claim = join(leg, read(leg, leg.arrive({"assistantId": assistant["id"]})))
        assert claim.assistant.json == {"name": "x", **secretive}
        assert CANARY not in repr(claim)

    def test_it_outlives_a_change_of_something_else(
        self, api: Api, leg: Leg, assistant: dict[str, Any], secretive: dict[str, Any]
    ) -> None:
        changed = api.patch(f"/assistant/{assistant['id']}", {"name": "y"})
        assert CANARY not in changed.text
        claim = join(leg, read(leg, leg.arrive({"assistantId": assistant["id"]})))
        assert claim.assistant.json == {"name": "y", **secretive}

    def test_a_client_that_sends_back_what_it_was_shown_loses_nothing(
        self, api: Api, leg: Leg, assistant: dict[str, Any], secretive: dict[str, Any]
    ) -> None:
        own = {"id", "orgId", "createdAt", "updatedAt"}
        shown = {name: value for name, value in assistant.items() if name not in own}
        assert api.patch(f"/assistant/{assistant['id']}", shown).status_code == 200
        claim = join(leg, read(leg, leg.arrive({"assistantId": assistant["id"]})))
        assert claim.assistant.json == {"name": "x", **secretive}


@every_place
@pytest.mark.parametrize("part", ["assistant", "assistantOverrides"])
class TestOfACallsOwnAssistant:
    def test_it_is_neither_shown_nor_sent(
        self,
        app: Flask,
        api: Api,
        number: dict[str, Any],
        receiver: Receiver,
        secretive: dict[str, Any],
        part: str,
    ) -> None:
        api.patch(f"/phone-number/{number['id']}", {"serverUrl": receiver.url})
        both = {"assistant": {"name": "x"}} | {part: {"name": "x", **secretive}}
        call = api.call(**both)
        assert CANARY not in json.dumps(call)
        for path in ("/call", f"/call/{call['id']}/events", f"/call/{call['id']}/messages"):
            assert CANARY not in api.get(path).text, path
        open_columns = (schema.calls.c.body, schema.calls.c.resolved, schema.messages.c.body)
        assert CANARY not in rows(app, *open_columns)

    def test_the_seat_has_it(
        self, api: Api, leg: Leg, secretive: dict[str, Any], part: str
    ) -> None:
        both = {"assistant": {"name": "x"}} | {part: {"name": "x", **secretive}}
        claim = join(leg, leg.offered(api.call(**both)))
        assert claim.assistant.json == {"name": "x", **secretive}
