"""A call whose assistant is another Patchbay: two of them, with real HTTP and sockets in between."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from tests.assistants.local.talk import MODEL, TRANSCRIBER, Vendors, vendors
from tests.bridge import KEY, Bridge
from tests.clock import in_real_time
from tests.databases import fresh_database
from tests.e2e.test_speaking import messages, the_report
from tests.fakes.carriers.phone import Phone, phoning
from tests.fakes.client_server import Receiver, Reply, Request
from tests.fakes.vendors.threaded import threaded
from tests.spawner import WarmBridge

pytestmark = pytest.mark.any_store  # the subject: what two installations say to each other

FIRST = "Hello, this is the restaurant."
UNDERSTOOD = "I would like to book a table."
BOOKED = "Table four is yours, goodbye."
BOOK = {
    "type": "function",
    "function": {
        "name": "bookTable",
        "parameters": {"type": "object", "properties": {"day": {"type": "string"}}},
    },
}
MESSAGES = ["conversation-update", "end-of-call-report", "status-update", "transcript"]


class Owner(Receiver):
    """The owner's server, which has the tables."""

    def take(self, request: Request) -> Reply | None:
        super().take(request)
        message = json.loads(request.body)["message"]
        calls = message.get("toolCallList", ())
        results = [{"toolCallId": each["id"], "result": "table four"} for each in calls]
        return Reply(body=json.dumps({"results": results}).encode())

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [each for each in messages(self) if each["type"] == kind]


@dataclass
class Upstream:
    """The Patchbay that talks, and its vendors."""

    bridge: Bridge
    theirs: Vendors

    def account(self, **fields: str) -> dict[str, str]:
        return {"provider": "vapi", "apiKey": KEY, "apiUrl": self.bridge.url, **fields}

    def only_call(self) -> Any:
        """The newest call there."""
        return self.bridge.api("GET", "/call?limit=1", expect=200)[0]


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Upstream]:
    directory = tmp_path_factory.mktemp("upstream")
    with (
        threaded(vendors(*[UNDERSTOOD] * 9, replies="A table was booked.")) as theirs,
        fresh_database(directory) as url,
        WarmBridge(
            url,
            directory,
            ASSISTANT_BACKEND="local",
            OPENAI_API_KEY="key",
            OPENAI_BASE_URL=f"{theirs.chat.url}/v1",
            DEEPGRAM_API_KEY="key",
            DEEPGRAM_BASE_URL=theirs.ears.url,
        ) as bridge,
    ):
        yield Upstream(bridge, theirs)


@pytest.fixture
def owner() -> Iterator[Owner]:
    with Owner() as running:
        yield running


def assistant(upstream: Upstream, owner: Receiver, **fields: Any) -> dict[str, Any]:
    number = upstream.bridge.number_id("twilio")
    return {
        "transport": {"provider": "vapi", "phoneNumberId": number},
        "credentials": [upstream.account()],
        "firstMessage": FIRST,
        "model": {**MODEL, "tools": [{**BOOK, "server": {"url": owner.url}}]},
        "transcriber": TRANSCRIBER,
        "voice": {"provider": "embedded"},
        "startSpeakingPlan": {"waitSeconds": 0.3},
        "endCallPhrases": ["goodbye"],
        "server": {"url": owner.url},
        "serverMessages": MESSAGES,
        **fields,
    }


async def create(bridge: Bridge, carrier: str, body: Mapping[str, Any]) -> Any:
    return await asyncio.to_thread(bridge.create, carrier, assistant=body)


@pytest.mark.parametrize("carrier", ["twilio", "vonage"])
@in_real_time
async def test_a_conversation(
    carrier: str, bridge: Bridge, upstream: Upstream, owner: Owner
) -> None:
    upstream.theirs.chat.script[:] = [("bookTable", ['{"day": "Monday"}']), BOOKED]
    call = await create(bridge, carrier, assistant(upstream, owner))
    async with phoning(carrier, call) as phone:
        await phone.hears(1)
        phone.say("book")
        await phone.socket.wait_closed()
    report = await asyncio.to_thread(the_report, owner)
    assert report["endedReason"] == "assistant-said-end-call-phrase"
    assert report["transcript"].startswith(f"AI: {FIRST}\nUser: {UNDERSTOOD}\nAI: ")
    assert report["transcript"].endswith(f"{BOOKED}\n")
    assert report["summary"] == report["analysis"]["summary"] == "A table was booked."
    assert report["costBreakdown"]["llmPromptTokens"] > 0
    assert report["cost"] == pytest.approx(sum(each["cost"] for each in report["costs"]))
    theirs = upstream.only_call()
    assert theirs["name"] == call["id"] == report["call"]["id"]
    shown = report["artifact"]["upstream"]
    assert shown["id"] == theirs["id"]
    assert shown["endedReason"] == theirs["endedReason"] == report["endedReason"]
    (asked,) = owner.of("tool-calls")
    assert asked["call"]["id"] == call["id"]
    assert asked["toolCallList"][0]["function"]["arguments"] == {"day": "Monday"}
    said = {each["transcript"] for each in owner.of("transcript")}
    assert {FIRST, UNDERSTOOD} <= said
    assert "server" not in theirs["assistant"]["model"]["tools"][0]
    kept = await asyncio.to_thread(bridge.call, call["id"])
    assert kept["messages"] == report["messages"]
    assert kept["endedReason"] == report["endedReason"]


@in_real_time
async def test_the_caller_hangs_up(bridge: Bridge, upstream: Upstream, owner: Owner) -> None:
    call = await create(bridge, "twilio", assistant(upstream, owner))
    async with phoning("twilio", call) as phone:
        await phone.hears(1)
        await leave(phone)
    report = await asyncio.to_thread(the_report, owner)
    assert report["endedReason"] in {"customer-ended-call", "phone-call-provider-closed-websocket"}
    assert report["artifact"]["upstream"]["id"] == upstream.only_call()["id"]
    assert upstream.only_call()["status"] == "ended"
    assert report["transcript"] == f"AI: {FIRST}\n"


async def leave(phone: Phone) -> None:
    await phone.socket.send(phone.caller.stop())  # type: ignore[attr-defined]
    await phone.socket.wait_closed()


@pytest.mark.parametrize(
    ("account", "words"),
    [({"apiKey": "wrong"}, "401"), ({"apiUrl": "http://127.0.0.1:9"}, "cannot be reached")],
)
@in_real_time
async def test_an_upstream_that_makes_no_call(
    account: dict[str, str],
    words: str,
    bridge: Bridge,
    upstream: Upstream,
    owner: Owner,
) -> None:
    body = assistant(upstream, owner, credentials=[upstream.account(**account)])
    call = await create(bridge, "vonage", body)
    async with phoning("vonage", call) as phone:
        await phone.socket.wait_closed()
    report = await asyncio.to_thread(the_report, owner)
    assert report["endedReason"] == "assistant-error"
    assert words in report["call"]["endedMessage"]
