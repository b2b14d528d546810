"""``python -m bench.canaries``: secrets with a mark, looked for in all that can be read.

A bridge at debug level gets secrets of every kind: of carriers, vendors, servers and its own. They
stand in assistants, in those of transfers, handoffs and squads, in numbers, tools and replies. Calls
of both carriers are played, forged and broken requests are sent, messages are delivered. Then
every answer, page, file and metric, the log, each delivered message, the database's values and its
bytes are searched. Exits 1 when one holds a mark.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import urllib3

from bench.machine import machine
from bench.reliability import conclude
from tests.bridge import KEY, Bridge
from tests.databases import fresh_database
from tests.e2e.test_acceptance import dump
from tests.fakes.carriers import FAKES
from tests.fakes.carriers.accounts import CUSTOMER, SECRETS, private_key
from tests.fakes.carriers.inbound_call import InboundCall
from tests.fakes.carriers.leg import target
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver, Reply

MARK = "c4n4ry"
SECRET_KEY = f"{MARK} secret key of the bridge that is long enough"
OWNER = "own3r-token"
"""In the query of the owner's URL: its own page shows it, and nothing else."""
KINDS = {
    "call": "calls",
    "phone-number": "numbers",
    "assistant": "assistants",
    "credential": "credentials",
}
"""Kind of the API -> folder of the dashboard."""


def marked(what: str) -> str:
    return f"{MARK}-{what}"


def tool(url: str) -> dict[str, Any]:
    function = {"name": "f", "description": "Of a transfer's assistant."}
    return {
        "type": "function",
        "function": function,
        "server": {"url": url, "secret": marked("inner-tool")},
    }


def place(url: str) -> dict[str, Any]:
    """A destination whose operator talks with an assistant first."""
    model = {
        "provider": "custom-llm",
        "url": url,
        "model": "x",
        "headers": {"X-Key": marked("inner-model")},
        "tools": [tool(url)],
    }
    talks = {
        "model": model,
        "credentials": [{"provider": "openai", "apiKey": marked("inner-vendor")}],
    }
    plan = {"mode": "warm-transfer-experimental", "transferAssistant": talks}
    return {"type": "number", "number": "+14155550188", "transferPlan": plan}


def member(url: str) -> dict[str, Any]:
    """An assistant inside of another object."""
    keys = [{"provider": "openai", "apiKey": marked("member-vendor")}]
    return {"name": "Ann", "server": {"url": url, "secret": marked("member")}, "credentials": keys}


def assistant(url: str) -> dict[str, Any]:
    """With a secret everywhere one may stand."""
    return {
        "name": "echo",
        "transport": {"provider": "echo"},
        "server": {"url": url, "secret": marked("server"), "headers": {"X-Key": marked("header")}},
        "model": {
            "provider": "custom-llm",
            "url": url,
            "model": "x",
            "headers": {"X-Key": marked("model")},
            "tools": [
                {"type": "function", "function": {"name": "f"}, "server": {"url": url, "secret": marked("tool")}},
                {"type": "apiRequest", "name": "g", "url": url, "headers": {"X-Key": marked("request")}},
                {"type": "transferCall", "destinations": [place(url)]},
                {"type": "handoff", "destinations": [{"type": "assistant", "assistant": member(url)}]},
            ],
        },
        "hooks": [
            {"on": "call.ending", "do": [{"type": "tool", "tool": {"type": "apiRequest", "name": "h", "url": url, "headers": {"X-Key": marked("hook")}}}]}
        ],
        "credentials": [
            {"provider": "openai", "apiKey": marked("vendor")},
            {"provider": "custom-llm", "authenticationPlan": {"type": "oauth2", "url": url, "clientId": "c", "clientSecret": marked("oauth")}},
        ],
    }  # fmt: skip


class Seen:
    """Texts that were searched, by where they came from, and what was found."""

    def __init__(self, secrets: tuple[str, ...]) -> None:
        self.secrets = secrets
        self.texts = Counter[str]()
        self.found: list[str] = []

    def add(self, where: str, text: str, *more: str) -> None:
        """``more``: secrets in this text alone."""
        self.texts[where] += 1
        for each in (*self.secrets, *more):
            at = text.find(each)
            if at >= 0:
                self.found.append(f"{where}: {text[max(0, at - 60) : at + 60]!r}")


def answers(bridge: Bridge, receiver: Receiver) -> Iterator[tuple[int, Any]]:
    """Of requests that hold secrets, that lead to failures, and that read everything."""
    body = assistant(receiver.url)
    transient = {
        "twilioPhoneNumber": "+15550109999",
        "twilioAccountSid": "AC" + "f" * 32,
        "twilioAuthToken": marked("transient"),
    }
    stored = {
        "provider": "vonage",
        "apiKey": "abcd9999",
        "apiSecret": marked("api-secret"),
        "signatureSecret": marked("signature-secret"),
    }
    bypass = {"phoneCallProviderBypassEnabled": True, "customer": {"number": CUSTOMER}}
    for path, sent in (
        ("/assistant", body),
        ("/tool", {"type": "transferCall", "destinations": [place(receiver.url)]}),
        ("/squad", {"members": [{"assistant": member(receiver.url), "assistantOverrides": member("")}]}),
        ("/structured-output", {"name": "x", "schema": {}, "model": body["model"]}),
        ("/call", {**bypass, "phoneNumber": transient, "squad": {"members": [{"assistant": member(receiver.url)}]}, "squadOverrides": member("")}),
        ("/credential", stored),
        ("/credential", {**stored, "apiKey": 7}),
        ("/phone-number", {"provider": "twilio", **transient, "serverUrlSecret": marked("number")}),
        ("/call", {**bypass, "phoneNumber": transient, "assistant": body}),
        ("/call", {**bypass, "phoneNumber": {**transient, "twilioAccountSid": "x"}, "assistant": body}),
        ("/call", {"customer": {"number": CUSTOMER}, "phoneNumber": transient, "assistant": body}),
    ):  # fmt: skip
        yield bridge.ask("POST", path, sent)
    for path in (
        "/assistant",
        "/tool",
        "/squad",
        "/credential",
        "/phone-number",
        "/call",
        "/v2/call",
    ):
        status, found = bridge.ask("GET", path)
        yield status, found
        for each in found if isinstance(found, list) else []:
            yield bridge.ask("GET", f"{path}/{each['id']}")
            yield bridge.ask("PATCH", f"{path}/{each['id']}", {"name": "again"})
            if path == "/call":
                yield bridge.ask("GET", f"/call/{each['id']}/messages")
                yield bridge.ask("GET", f"/call/{each['id']}/events")
    count = {"operation": "count", "column": "id"}
    query = {"table": "call", "name": "all", "operations": [count], "groupBy": ["endedReason"]}
    yield bridge.ask("POST", "/analytics", {"queries": [query]})
    yield bridge.ask("GET", "/call", headers={"Authorization": f"Bearer {marked('wrong-key')}"})


def play(bridge: Bridge, receiver: Receiver) -> None:
    """A call with its socket, and forged and broken webhooks of each carrier."""
    caller = InboundCall(
        bridge, receiver, {k: v for k, v in assistant("").items() if k in {"name", "transport"}}
    )
    with caller.join() as socket:
        caller.is_up(socket)
    bridge.until(caller.call_id, "ended")
    bridge.until_delivered(caller.call_id, 3)
    for name, fake in FAKES.items():
        call = bridge.create(name)
        url = target(fake.status_url(call["phoneCallProviderDetails"]))
        ref = fake.new_ref()
        for headers in ({}, {"X-Twilio-Signature": "forged", "Authorization": "Bearer forged"}):
            fake.send(bridge, url, fake.status(ref, "ringing", 1), headers=headers)
        fake.send(bridge, url, fake.status(ref, "\ud800".encode("utf-8", "replace").decode(), 2))
        fake.send(bridge, url, fake.status(ref, "completed", 3))


def play_number(bridge: Bridge, receiver: Receiver) -> None:
    """Legs of a number with hooks, an owner's URL, and a server that forgets a word in its reply."""
    number = f"/phone-number/{bridge.number_id('twilio')}"
    hook = {"on": "call.ringing", "do": [{"type": "transfer", "destination": place(receiver.url)}]}
    owner = {"ownerCallbackUrl": f"{receiver.url}/?token={OWNER}"}
    for fields in ({"hooks": [hook]}, {"hooks": [], "fallbackDestination": place(receiver.url)}):
        bridge.api("PATCH", number, {**fields, **owner, "assistantId": None}, expect=200)
        ref = FAKES["twilio"].new_ref()
        TWILIO.send(bridge, "/twilio/inbound_call", TWILIO.arrival(ref))
        TWILIO.send(bridge, "/twilio/status", TWILIO.status(ref, "completed", 3))
    receiver.reply = Reply(body=json.dumps(member(receiver.url)).encode())
    server = {"serverUrl": receiver.url, "fallbackDestination": None}
    bridge.api("PATCH", number, server, expect=200)
    TWILIO.send(bridge, "/twilio/inbound_call", TWILIO.arrival(FAKES["twilio"].new_ref()))
    receiver.reply = 200


def pages(bridge: Bridge) -> Iterator[tuple[str, str]]:
    """(path, text) of the dashboard's pages and files, and of the metrics."""
    browser = urllib3.PoolManager()
    entered = browser.request(
        "POST",
        f"{bridge.url}/dashboard/login",
        fields={"secret": KEY},
        encode_multipart=False,
        redirect=False,
    )
    headers = {"Cookie": entered.headers["Set-Cookie"].partition(";")[0]}
    ids = {kind: [each["id"] for each in bridge.api("GET", f"/{kind}")] for kind in KINDS}
    paths = [
        "",
        "/calls",
        "/numbers",
        "/assistants",
        "/credentials",
        "/keys",
        "/calls.csv",
        "/calls.json",
    ]
    paths += [f"/{KINDS[kind]}/{id}" for kind, found in ids.items() for id in found]
    for path in (*(f"/dashboard{each}" for each in paths), "/metrics"):
        answer = browser.request("GET", bridge.url + path, headers=headers)
        assert answer.status == 200, (path, answer.status)
        yield path, answer.data.decode()


def files(url: str) -> Mapping[str, str]:
    """The bytes of a SQLite database and its log, as text."""
    path = Path(url.removeprefix("sqlite:///"))
    return {
        each.name: each.read_bytes().decode("latin-1")
        for each in path.parent.glob(f"{path.name}*")
        if each.is_file()
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--record", action="store_true")
    options = parser.parse_args()
    print(machine(), flush=True)
    seen = Seen((MARK, *SECRETS, KEY, private_key().splitlines()[3]))
    with (
        tempfile.TemporaryDirectory() as directory,
        fresh_database(Path(directory)) as url,
        Receiver() as receiver,
    ):
        bridge = Bridge(url, Path(directory), LOG_LEVEL="DEBUG", SECRET_KEY=SECRET_KEY)
        with bridge:
            play(bridge, receiver)
            play_number(bridge, receiver)
            for _, answer in answers(bridge, receiver):
                seen.add("answers", json.dumps(answer))
            for path, text in pages(bridge):
                seen.add("pages", text, *([] if "/numbers/" in path else [OWNER]))
        for request in receiver.requests:
            seen.add("messages", request.body.decode())
        seen.add("log", bridge.log.read_text(), OWNER)
        seen.add("database", dump(url))
        for text in files(url).values():
            seen.add("files of the database", text)
    totals = ", ".join(f"{where} {count}" for where, count in seen.texts.items())
    text = f"{totals} searched for {len(seen.secrets)} marks: {len(seen.found)} found"
    found = sorted(set(seen.found))
    return conclude("canaries", text, *found, reached=not found, keep=options.record)


if __name__ == "__main__":
    sys.exit(main())
