"""A call at an upstream: how it is made by Vapi's SDK, and what its messages change here."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from app import deadline, default_org
from app.domain.assistant import upstream
from app.domain.calls import record
from app.domain.context import Reply as ServerReply
from app.domain.errors import Invalid, NotFound, Unauthorized
from app.domain.legs.upstream import NoStream, UpstreamStream, messages_url
from app.domain.reporting import no_record, upstream_report
from app.domain.services.media import StreamClaim
from app.domain.services.upstream import SECONDS, UpstreamService
from app.settings import Settings, VendorSettings
from app.store.schema import call_tokens
from providers.base.instructions import stream_id
from providers.base.media import StreamStart
from providers.events import EventKind
from tests.domain.legs.test_outbound import dialled
from tests.domain.use_cases import Domain, domain
from tests.fakes.carriers.rest_api import RestApi
from tests.fakes.carriers.twilio import TWILIO
from tests.fakes.client_server import Receiver, Reply

UPSTREAM = "7a1c9a52-0000-4000-8000-000000000001"
STREAM = "wss://stream.example.com/media/their-token"
TWIML = f'<?xml version="1.0"?><Response><Connect><Stream url="{STREAM}"/></Connect></Response>'
MADE = {"id": UPSTREAM, "status": "queued", "phoneCallProviderDetails": {"twiml": TWIML}}
TALK = [{"role": "bot", "message": "Hello."}, {"role": "user", "message": "Hi."}]
REPORT = {
    "type": "end-of-call-report",
    "endedReason": "assistant-ended-call",
    "transcript": "AI: Hello.\nUser: Hi.\n",
    "summary": "They greeted each other.",
    "analysis": {"summary": "They greeted each other.", "successEvaluation": "true"},
    "costs": [
        {"type": "model", "cost": 0.25, "promptTokens": 7, "model": {"model": "gpt-4o"}},
        {"type": "vapi", "cost": 0.5},
        {"type": "broken", "cost": "much"},
    ],
    "recordingUrl": "https://storage.example.com/1.wav",
    "artifact": {"messages": [*TALK, {"role": "bot"}], "structuredOutputs": {"x": {"result": 1}}},
}
TOOL = {"type": "function", "function": {"name": "bookTable"}, "server": {"secret": "s3cret"}}


@pytest.fixture
def vapi() -> Iterator[Receiver]:
    with Receiver(reply=Reply(201, body=json.dumps(MADE).encode())) as running:
        yield running


@pytest.fixture
def both(settings: Settings, vapi: Receiver) -> Iterator[tuple[Domain, RestApi]]:
    account = VendorSettings("vapi", "a key", f"http://127.0.0.1:{vapi.port}", {})
    with domain(replace(settings, vendors=(account,))) as made:
        yield made


class Relayed:
    """A call whose assistant is a call at an upstream."""

    def __init__(self, both: tuple[Domain, RestApi], **assistant: Any) -> None:
        self.ours, api = both
        self.context, self.service = self.ours.context, UpstreamService(self.ours.context)
        whole = {
            "transport": {"provider": "vapi"},
            "recordingEnabled": False,
            "serverMessages": ["transcript", "end-of-call-report", "conversation-update"],
            "server": {"url": "http://127.0.0.1:9/"},
            **assistant,
        }
        self.call = dialled(self.ours, api, TWILIO, assistant=whole)
        self.ours.hear(self.call, TWILIO, EventKind.LEG_ANSWERED)
        self.ours.hear(self.call, TWILIO, EventKind.MEDIA_CONNECTED)

    def claim(self, name: str = "a-token") -> StreamClaim:
        with self.context.store.read() as conn:
            call = record.get(conn, self.call["id"])
        assert call is not None
        twilio = self.context.providers["twilio"]
        return self.ours.media._build_claim(call, twilio, stream_id(f"wss://x/media/{name}"))

    def open(self) -> UpstreamStream:
        return self.ours.media.open_upstream(self.claim())

    @property
    def token(self) -> str:
        return messages_url(self.context, self.call["id"]).partition("token=")[2]

    def says(self, upstream_id: str = UPSTREAM, **message: Any) -> Any:
        raw = json.dumps({"message": {**message, "call": {"id": upstream_id}}}).encode()
        return self.service.take(self.call["id"], self.token, raw)

    def end(self) -> None:
        self.ours.end(self.call)
        self.ours.settle(self.call)

    def later(self) -> float | None:
        return upstream_report.run(self.context, {"callId": self.call["id"]})

    def shown(self) -> Any:
        return self.ours.get(self.call)

    def told(self, kind: str) -> list[dict[str, Any]]:
        sent = self.ours.calls.messages(default_org.ORG_ID, self.call["id"])
        return [each["body"]["message"] for each in sent if each["type"] == kind]

    def notes(self) -> list[str]:
        events = self.ours.calls.events(default_org.ORG_ID, self.call["id"])
        return [each["data"]["note"] for each in events if "note" in each.get("data", {})]


# ------------------------------------------------------------------ the call there


def test_the_call_is_made_in_bypass_mode_by_the_sdk(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    tools = [{**TOOL, "server": {"url": "https://t.example.com", "secret": "s3cret"}}]
    model = {"provider": "openai", "model": "gpt-4o", "tools": [*tools, {"type": "transferCall"}]}
    one = Relayed(both, firstMessage="Hello {{customer.number}}.", model=model)
    found = one.open()
    assert (found.call_id, found.stream.url, found.rule) == (UPSTREAM, STREAM, None)
    (asked,) = vapi.requests
    assert asked.path == "/call"
    assert asked.headers["authorization"] == "Bearer a key"
    assert asked.headers["x-fern-sdk-name"] == "vapi_server_sdk"
    body = json.loads(asked.body)
    sent = body.pop("assistant")
    assert body == {
        "phoneCallProviderBypassEnabled": True,
        "name": one.call["id"],
        "customer": {"number": one.call["customer"]["number"]},
    }
    assert sent["firstMessage"] == f"Hello {one.call['customer']['number']}."
    assert sent["server"]["url"] == messages_url(one.context, one.call["id"])
    assert {"end-of-call-report", "status-update", "tool-calls"} < set(sent["serverMessages"])
    assert sent["model"]["tools"] == [{"type": "function", "function": {"name": "bookTable"}}]
    assert "firstMessageMode" not in sent
    assert "s3cret" not in asked.body.decode()
    assert "transport" not in sent
    assert one.shown()["artifact"]["upstream"] == {"id": UPSTREAM}
    assert "upstream.created" in one.notes()


def test_an_assistant_that_is_stored_there(both: tuple[Domain, RestApi], vapi: Receiver) -> None:
    transport = {"provider": "vapi", "assistantId": "their-assistant", "phoneNumberId": "theirs"}
    one = Relayed(both, transport=transport, variableValues={"table": 4})
    one.open()
    body = json.loads(vapi.requests[0].body)
    assert (body["assistantId"], body["phoneNumberId"]) == ("their-assistant", "theirs")
    assert "assistant" not in body
    assert body["assistantOverrides"]["variableValues"] == {"table": 4}
    assert body["assistantOverrides"]["server"]["url"].endswith(one.token)


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (Reply(401, body=b'{"message": "Invalid Key."}'), "it answers 401: Invalid Key."),
        (Reply(400, body=b'{"message": ["a", "b"]}'), "it answers 400: a; b."),
        (Reply(502, body=b"<html>"), "it answers 502, and no JSON."),
        (Reply(201, body=b"[]"), "and no call."),
        (Reply(201, body=b'{"id": "x"}'), "no phoneCallProviderDetails"),
        (Reply(201, body=b'{"id": "x", "phoneCallProviderDetails": {}}'), "twilio"),
        (
            Reply(201, body=b'{"id": "x", "phoneCallProviderDetails": {"twiml": "<Say/>"}}'),
            "no <Connect><Stream>",
        ),
        (
            Reply(
                201,
                body=b'{"id": "x", "phoneCallProviderDetails": {"twiml": "<a>\\ud800</a>"}}',
            ),
            "is not XML",
        ),
    ],
)
def test_an_upstream_without_a_stream(
    both: tuple[Domain, RestApi], vapi: Receiver, reply: Reply, words: str
) -> None:
    vapi.reply = reply
    with pytest.raises(NoStream) as error:
        Relayed(both).open()
    assert words in str(error.value)
    assert len(vapi.requests) == 1  # nothing is created twice


def test_a_clients_own_upstream_has_its_address_checked(both: tuple[Domain, RestApi]) -> None:
    credential = {"provider": "vapi", "apiKey": "k", "apiUrl": "http://127.0.0.1:9"}
    one = Relayed(both, credentials=[credential])
    private = replace(one.context.upstream, allow_private=False)  # type: ignore[type-var]
    media = type(one.ours.media)(replace(one.context, upstream=private))
    with pytest.raises(NoStream) as error:
        media.open_upstream(one.claim())
    assert "not allowed" in str(error.value) or "not a public address" in str(error.value)


def test_without_an_account(settings: Settings) -> None:
    with domain(settings) as made, pytest.raises(NoStream) as error:
        Relayed(made).open()
    assert "VAPI_API_KEY" in str(error.value)


# ------------------------------------------------------------------ its messages


def test_its_words_are_ours(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    said = {"role": "user", "transcriptType": "final", "transcript": "Hi."}
    for _ in range(2):  # it is sent again, and passed on once
        assert one.says(type="transcript", **said) == {}
    one.says(type="conversation-update", messages=TALK, artifact={"transcript": "AI: Hello.\n"})
    (told,) = one.told("transcript")
    assert {name: told[name] for name in said} == said
    assert told["call"]["id"] == one.call["id"]
    assert one.shown()["messages"] == TALK
    assert one.shown()["transcript"] == "AI: Hello.\n"
    (update,) = one.told("conversation-update")
    assert update["messages"] == TALK


def test_the_report_waits_for_theirs_and_has_it(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    one.end()
    assert one.told("end-of-call-report") == []
    for _ in range(2):
        one.says(**REPORT)
    (report,) = one.told("end-of-call-report")
    assert report["endedReason"] == "manually-canceled"  # the leg is ours
    assert report["summary"] == "They greeted each other."
    assert report["analysis"]["successEvaluation"] == "true"
    assert report["transcript"] == REPORT["transcript"]
    assert report["messages"] == TALK
    assert report["cost"] == 0.75
    assert report["costBreakdown"]["llm"] == 0.25
    assert report["artifact"]["structuredOutputs"] == {"x": {"result": 1}}
    assert report["artifact"]["upstream"] == {
        "id": UPSTREAM,
        "endedReason": "assistant-ended-call",
        "recordingUrl": REPORT["recordingUrl"],
    }
    assert one.later() is None


def test_its_end_is_told_to_the_relay(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    one.says(type="status-update", status="in-progress")
    one.says(type="status-update", status="ended", endedReason="silence-timed-out")
    assert one.shown()["status"] == "in-progress"
    (command,) = one.ours.media.commands([one.claim()])
    assert command.body["endedReason"] == "silence-timed-out"
    assert command.body["upstream"] == UPSTREAM
    assert "upstream.ended" in one.notes()


def test_a_message_of_another_call_changes_nothing(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    one.says("another-call", **REPORT)
    assert "transcript" not in one.shown()


def test_a_second_socket_goes_on_after_the_first(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    system = {"role": "system", "content": "Be brief."}
    one = Relayed(both, model={"provider": "openai", "model": "gpt-4o", "messages": [system]})
    one.open()
    one.says(type="conversation-update", messages=TALK, artifact={"transcript": "AI: Hello.\n"})
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "second"}).encode())
    one.open()
    sent = json.loads(vapi.requests[-1].body)["assistant"]
    assert sent["firstMessageMode"] == "assistant-waits-for-user"
    said = [{"role": "assistant", "content": "Hello."}, {"role": "user", "content": "Hi."}]
    assert sent["model"]["messages"] == [system, *said]
    one.says(type="conversation-update", messages=[{"role": "user", "message": "late"}])
    one.says("second", **{**REPORT, "transcript": "AI: Again.\n"})
    assert one.shown()["transcript"] == "AI: Hello.\nAI: Again.\n"
    assert one.shown()["messages"] == [*TALK, *TALK]
    one.end()
    assert one.told("end-of-call-report") == []  # the first one has not reported
    one.says(**REPORT)
    (report,) = one.told("end-of-call-report")
    assert report["cost"] == 1.5


def test_an_assistant_that_has_said_nothing_greets(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    """The first socket was lost before a word: both sides would wait for each other."""
    one = Relayed(both, firstMessage="Hello.")
    one.open()
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "second"}).encode())
    one.open()
    assert "firstMessageMode" not in json.loads(vapi.requests[-1].body)["assistant"]


def test_the_call_of_a_socket_that_another_has_replaced(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    """A slow creation ends after that of the next socket, whose call has the caller."""
    one = Relayed(both)
    late = one.claim("late")
    start = StreamStart("MZ1", None, None, 8000)
    for each in (late, now := one.claim("now")):
        one.ours.clock.pass_(1)
        one.ours.media.joined(each, start)
    one.ours.media.open_upstream(now)
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "late"}).encode())
    with pytest.raises(NoStream) as error:
        one.ours.media.open_upstream(late)
    assert "another media socket" in str(error.value)
    one.says(type="conversation-update", messages=TALK)
    assert one.shown()["messages"] == TALK
    one.end()
    one.says(**REPORT)
    assert one.told("end-of-call-report")


@pytest.mark.parametrize("reports", [True, False])
def test_an_earlier_call_of_theirs_that_reports_last(
    both: tuple[Domain, RestApi], vapi: Receiver, reports: bool
) -> None:
    """What is shown of the last one stays."""
    one = Relayed(both)
    one.open()
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "second"}).encode())
    one.open()
    one.end()
    one.says("second", **{**REPORT, "summary": "It went on.", "analysis": {"summary": "On."}})
    if reports:
        one.says(**REPORT)
    else:
        vapi.reply = Reply(404, body=b"{}")
        one.ours.clock.pass_(20 - upstream_report.LAST_SECONDS)
        one.later()
    (report,) = one.told("end-of-call-report")
    assert report["artifact"]["upstream"] == {
        "id": "second",
        "endedReason": "assistant-ended-call",
        "recordingUrl": REPORT["recordingUrl"],
    }
    assert report["summary"] == "It went on."
    assert report["analysis"]["summary"] == "On."


def test_an_end_that_is_told_again_and_again(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    for _ in range(3):
        one.says(type="status-update", status="ended", endedReason="silence-timed-out")
    assert len(one.ours.media.commands([one.claim()])) == 1


def test_a_call_without_a_record_keeps_nothing_of_theirs(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    one = Relayed(both, hipaaEnabled=True, server={})
    one.open()
    one.says(type="conversation-update", messages=TALK, artifact={"transcript": "AI: Hello.\n"})
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "second"}).encode())
    one.open()
    one.end()
    one.says("second", **REPORT)
    one.says(**REPORT)
    no_record.run(one.context, {"callId": one.call["id"]})
    with one.context.store.read() as conn:
        call = record.get(conn, one.call["id"])
    assert call is not None
    assert "Hello" not in json.dumps(dict(call.body))
    assert "storage.example.com" not in json.dumps(dict(call.body))


# ------------------------------------------------------------------ what it asks


def tool_calls(*names: str) -> dict[str, Any]:
    calls = [{"id": f"of {each}", "function": {"name": each, "arguments": {}}} for each in names]
    beside = [{**TOOL, "toolCall": each} for each in calls]
    return {"type": "tool-calls", "toolCallList": calls, "toolWithToolCallList": beside}


def test_tools_are_asked_where_they_are(both: tuple[Domain, RestApi], receiver: Receiver) -> None:
    with Receiver() as other:
        tool = {**TOOL, "server": {"url": other.url, "secret": "own"}}
        answer = {"results": [{"toolCallId": "of bookTable", "result": "table 4"}]}
        other.reply = Reply(body=json.dumps(answer).encode())
        receiver.reply = Reply(body=b'{"result": "at eight"}')
        one = Relayed(both, model={"tools": [tool]}, server={"url": receiver.url})
        one.open()
        told = one.says(**tool_calls("bookTable", "opens"))
        assert other.requests[0].headers["x-vapi-secret"] == "own"
        body = json.loads(other.requests[0].body)["message"]
    assert told == {
        "results": [
            {"toolCallId": "of bookTable", "result": "table 4"},
            {"toolCallId": "of opens", "result": "at eight"},
        ]
    }
    assert body["call"]["id"] == one.call["id"]
    assert [each["id"] for each in body["toolCallList"]] == ["of bookTable"]
    assert "s3cret" not in json.dumps(body)


def test_a_message_that_is_sent_again_gets_the_same_answer(
    both: tuple[Domain, RestApi], receiver: Receiver
) -> None:
    """The first answer may have been lost on its way, and a tool runs once."""
    one = Relayed(both, server={"url": receiver.url})
    one.open()
    receiver.reply = Reply(body=b'{"result": "at eight"}')
    asked = tool_calls("opens")
    first = one.says(**asked)
    receiver.reply = Reply(body=b'{"result": "at nine"}')
    assert one.says(**asked) == first
    assert len(receiver.requests) == 1
    assert "at eight" not in str(rows(one))
    assert one.says(**asked, timestamp=2) != first  # the model has called it once more
    assert len(receiver.requests) == 2


def test_an_answer_is_kept_until_the_upstream_has_reported(
    both: tuple[Domain, RestApi], receiver: Receiver
) -> None:
    one = Relayed(both, server={"url": receiver.url})
    one.open()
    asked, early = tool_calls("opens"), tool_calls("closes")
    one.says(**asked)
    one.end()
    assert [row["data"] is None for row in rows(one)] == [False]
    one.says(**REPORT)
    one.says(**early)
    assert [row["data"] is None for row in rows(one)] == [True, True]
    one.ours.clock.pass_(SECONDS)
    (result,) = one.says(**asked)["results"]
    assert (result["toolCallId"], "its answer is lost" in result["error"]) == ("of opens", True)
    assert len(receiver.requests) == 2


@pytest.mark.parametrize("kind", ["tool-calls", "knowledge-base-request"])
@pytest.mark.parametrize(("comes", "back"), [(True, 0), (False, 0), (False, 3600)])
def test_a_message_that_is_sent_again_while_it_is_answered(
    both: tuple[Domain, RestApi], kind: str, comes: bool, back: float
) -> None:
    """It waits, as long as the first may take. A process that was killed leaves no answer.

    ``back``: seconds by which the clock is set back meanwhile.
    """
    one = Relayed(both)
    one.open()
    clock, asked = Ticks(), {**tool_calls("opens"), "type": kind}
    raw = json.dumps({"message": {**asked, "call": {"id": UPSTREAM}}}).encode()
    again = list[Any]()

    def pause(seconds: float) -> None:
        clock.now += seconds
        if comes and clock.now > 3:
            raise Finished

    def ask(*_: Any) -> ServerReply:
        one.ours.clock.pass_(-back)
        with suppress(Finished):
            again.append(service.take(one.call["id"], one.token, raw))
        return ServerReply(body=b'{"results": []}')

    class Finished(Exception):
        """The first answer is there."""

    context = replace(one.context, ask_server=ask)
    service = UpstreamService(context, clock, pause)
    first = service.take(one.call["id"], one.token, raw)
    if comes:
        assert again == []
        assert service.take(one.call["id"], one.token, raw) == first
    else:
        assert clock.now == pytest.approx(SECONDS, abs=0.5)
        assert "its answer is lost" in json.dumps(again)


def rows(one: Relayed) -> list[Any]:
    """The stored messages that asked for something."""
    mine = call_tokens.c.purpose == "upstream"
    with one.context.store.write() as conn:
        return [each._mapping for each in conn.execute(sa.select(call_tokens).where(mine))]


def test_a_server_that_fails_is_an_error_of_the_tool(
    both: tuple[Domain, RestApi], receiver: Receiver
) -> None:
    receiver.reply = 500
    one = Relayed(both, server={"url": receiver.url})
    one.open()
    (result,) = one.says(**tool_calls("opens"))["results"]
    assert result["toolCallId"] == "of opens"
    assert "500" in result["error"]


def test_a_transfer_is_ours(both: tuple[Domain, RestApi], vapi: Receiver) -> None:
    destination = {"type": "number", "number": "+14155550188", "description": "The office."}
    transfer = {"type": "transferCall", "destinations": [destination, {"type": "assistant"}]}
    one = Relayed(both, model={"provider": "openai", "model": "gpt-4o", "tools": [transfer]})
    one.open()
    (function,) = json.loads(vapi.requests[0].body)["assistant"]["model"]["tools"]
    wanted = function["function"]["parameters"]["properties"]["destination"]
    assert (wanted["enum"], wanted["description"]) == (
        ["+14155550188"],
        "+14155550188: The office.",
    )
    asked = tool_calls(function["function"]["name"])
    arguments = asked["toolCallList"][0]["function"]["arguments"]
    (refused,) = one.says(**asked)["results"]
    assert "none of the tool's destinations" in refused["error"]
    arguments["destination"] = "+14155550188"
    (result,) = one.says(**asked)["results"]
    assert result["result"] == "The call is being transferred."
    assert one.shown()["status"] == "forwarding"
    (tried,) = one.shown()["artifact"]["transfers"]
    assert tried["destination"]["number"] == "+14155550188"
    assert one.says(**asked)["results"] == [result]
    (again,) = one.says(**asked, timestamp=2)["results"]
    assert "its status is forwarding" in again["error"]


def test_a_tool_may_take_its_time(both: tuple[Domain, RestApi]) -> None:
    """The time of the owner's server does not count as the request's own."""
    one = Relayed(both)
    one.open()
    seen = list[tuple[float, float]]()

    def ask(url: str, key: str, raw: bytes, secrets: Any, seconds: float) -> ServerReply:
        seen.append((deadline.store_until(), seconds))
        return ServerReply(body=b'{"result": "at eight"}')

    service = UpstreamService(replace(one.context, ask_server=ask))
    raw = {"message": {**tool_calls("opens", "closes"), "call": {"id": UPSTREAM}}}
    with deadline.within(8.0):
        told = service.take(one.call["id"], one.token, json.dumps(raw).encode())
    assert [each["result"] for each in told["results"]] == ["at eight", "at eight"]
    assert [until for until, _ in seen] == [float("inf")] * 2
    assert seen[1][1] <= seen[0][1] <= SECONDS < upstream.SERVER_SECONDS


def test_tools_have_their_time_together(both: tuple[Domain, RestApi]) -> None:
    """The upstream waits for all of them at once."""
    one = Relayed(both)
    one.open()
    clock = Ticks()

    def ask(*_: Any) -> ServerReply:
        clock.now += SECONDS
        return ServerReply(body=b'{"result": "at eight"}')

    service = UpstreamService(replace(one.context, ask_server=ask), clock)
    raw = {"message": {**tool_calls("opens", "closes"), "call": {"id": UPSTREAM}}}
    first, second = service.take(one.call["id"], one.token, json.dumps(raw).encode())["results"]
    assert first["result"] == "at eight"
    assert "no time" in second["error"]


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def test_a_call_of_theirs_that_is_replaced_asks_nothing(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    destination = {"type": "number", "number": "+14155550188"}
    transfer = {"type": "transferCall", "destinations": [destination]}
    one = Relayed(both, model={"provider": "openai", "model": "gpt-4o", "tools": [transfer]})
    one.open()
    vapi.reply = Reply(201, body=json.dumps({**MADE, "id": "second"}).encode())
    one.open()
    asked = tool_calls("transferToDestination")
    asked["toolCallList"][0]["function"]["arguments"]["destination"] = "+14155550188"
    for other in (UPSTREAM, "another-call"):
        with pytest.raises(Invalid):
            one.says(other, **asked)
    assert one.shown()["status"] == "in-progress"
    one.says("second", **asked)
    assert one.shown()["status"] == "forwarding"


def test_more_tools_at_once_than_any_model_calls(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    one.open()
    with pytest.raises(Invalid):
        one.says(**tool_calls(*map(str, range(1000))))


def test_ids_that_are_no_texts(both: tuple[Domain, RestApi], receiver: Receiver) -> None:
    one = Relayed(both, server={"url": receiver.url})
    one.open()
    receiver.reply = Reply(body=b'{"results": [{"toolCallId": ["x"]}, {"result": "y"}]}')
    asked = tool_calls("opens")
    asked["toolCallList"][0]["id"] = {"no": "text"}
    (result,) = one.says(**asked)["results"]
    assert "no result for this call" in result["error"]
    called = {"name": "transferToDestination", "parameters": {}}
    assert one.says(type="function-call", functionCall=called)  # the owner's server is asked


# ------------------------------------------------------------------ who may


def test_who_may_send(both: tuple[Domain, RestApi]) -> None:
    one = Relayed(both)
    raw = b'{"message": {"type": "hang"}}'
    with pytest.raises(Unauthorized):
        one.service.take(one.call["id"], "0" * 64, raw)
    for wrong in (b"", b"[]", b'{"message": {}}', b"\xff"):
        with pytest.raises(Invalid):
            one.service.take(one.call["id"], one.token, wrong)
    one.ours.delete(one.call)
    with pytest.raises(NotFound):
        one.service.take(one.call["id"], one.token, raw)


@pytest.mark.parametrize("kind", ["end-of-call-report", "tool-calls"])
def test_a_call_that_ended_long_ago_takes_nothing(both: tuple[Domain, RestApi], kind: str) -> None:
    """Its token has stood in a URL at the upstream, perhaps for years."""
    one = Relayed(both)
    one.open()
    one.end()
    later = replace(one.context, now=lambda: datetime.now(UTC) + timedelta(minutes=61))
    raw = json.dumps({"message": {"type": kind, "call": {"id": UPSTREAM}}}).encode()
    with pytest.raises(Unauthorized):
        UpstreamService(later).take(one.call["id"], one.token, raw)
    UpstreamService(one.context).take(one.call["id"], one.token, raw)


# ------------------------------------------------------------------ no report


def test_a_report_that_does_not_come_is_fetched(
    both: tuple[Domain, RestApi], vapi: Receiver
) -> None:
    one = Relayed(both)
    one.open()
    one.end()
    assert one.ours.later.waiting[f"upstream-report:{one.call['id']}"][1] == 11
    assert one.later() == upstream_report.AGAIN_SECONDS  # it says that it is queued
    vapi.reply = Reply(body=json.dumps({**REPORT, "id": UPSTREAM, "status": "ended"}).encode())
    assert one.later() is None
    assert vapi.requests[-1].path == f"/call/{UPSTREAM}"
    (report,) = one.told("end-of-call-report")
    assert report["summary"] == "They greeted each other."


@pytest.mark.parametrize(
    ("reply", "words"),
    [(Reply(404, body=b"{}"), "it answers 404"), (None, "is queued")],
)
def test_an_upstream_that_never_reports(
    both: tuple[Domain, RestApi], vapi: Receiver, reply: Reply | None, words: str
) -> None:
    one = Relayed(both)
    one.open()
    one.end()
    vapi.reply = reply or vapi.reply
    one.ours.clock.pass_(20 - upstream_report.LAST_SECONDS)
    assert one.later() is None
    (report,) = one.told("end-of-call-report")
    assert words in report["artifact"]["upstream"]["error"]
    assert "upstream.silent" in one.notes()
    one.says(**REPORT)  # too late: it changes nothing
    assert "summary" not in one.shown()
