"""Tools in a call beside functions and transfers: texts, voicemail, keys, APIs and MCP servers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from app.domain.context import Reply
from app.domain.legs.carrier_tools import TextMessage
from providers.events import EndedReason
from providers.simulation.api_server import ApiReply, serve
from tests.assistants.local.tools.test_execution import (
    OSLO,
    answer,
    asked,
    keys,
    learned,
    questions,
    says,
    tool,
)
from tests.assistants.local.tools.test_mcp_tools import served
from tests.clock import in_real_time, on_loop
from tests.fakes.carriers.vonage import VonageCaller


@on_loop
async def test_a_text_is_sent() -> None:
    sms = {"type": "sms", "metadata": {"from": "+14155550100"}}
    turn = ("sms", ['{"content": "Your table is booked.", "to": "+14155550199"}'])
    async with asked([sms], turn) as (call, theirs):
        await call.said("AI: Surely.")
        *_, message = await call.domain.hears("text")
    assert message == TextMessage("Your table is booked.", "+14155550199", "+14155550100")
    assert learned(theirs) == ["The message was sent."]


@on_loop
async def test_a_text_that_was_refused() -> None:
    async with asked([{"type": "sms"}], ("sms", ['{"content": "Hi"}'])) as (call, theirs):
        call.domain.refuses_text = "number is of NG"
        await call.said("AI: Surely.")
    assert learned(theirs) == ["Error: number is of NG"]


@on_loop
async def test_the_voicemail_message_is_left() -> None:
    more = {"voicemailMessage": "Please call {{name}} back.", "variableValues": {"name": "Ann"}}
    async with asked([{"type": "voicemail"}], ("voicemail", ["{}"]), **more) as (call, theirs):
        assert await call.end() is EndedReason.VOICEMAIL
    assert call.transcript == "AI: Please call Ann back.\n"
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_keys_that_the_carrier_plays_are_not_in_the_sound() -> None:
    turn = ("dtmf", ['{"dtmf": "4 2#"}'])
    async with asked([{"type": "dtmf"}], caller=VonageCaller()) as (call, theirs):
        call.domain.plays_keys = True
        theirs.chat.script = [turn]
        await call.said("AI: Surely.")
    assert [told[2] for told in call.domain.told if told[0] == "keys"] == ["4w2#"]
    assert "4" not in keys(bytes(call.heard), call.caller.rate)


@on_loop
async def test_an_error_that_a_server_reports_does_not_end_the_call() -> None:
    """Such as a slot that is taken: the server works."""
    replies = [answer(None, error={"message": f"Slot {n} is taken."}) for n in range(3)]
    async with asked([tool()], OSLO, OSLO, OSLO, replies=replies) as (call, theirs):
        await call.said("AI: Surely.")
    assert learned(theirs)[-1] == "Error: Slot 2 is taken."
    assert len(questions(call)) == 3
    assert call.reason is None


@on_loop
async def test_a_fault_of_a_carriers_package_is_a_failure() -> None:
    """The model learns of it, and does not wait."""
    async with asked([{"type": "sms"}], ("sms", ['{"content": "Hi"}'])) as (call, theirs):
        call.domain.raises["text"] = [AttributeError("no such method")]
        await call.said("AI: Surely.")
    assert learned(theirs) == ["Error: the tool failed"]


@on_loop
async def test_results_of_a_500_and_the_servers_own_words() -> None:
    one = {"toolCallId": "x", "result": {"ok": 1}, "message": says("request-complete", "Done.")}
    reply = Reply(json.dumps({"results": [one]}).encode(), "the server answered 500")
    async with asked([tool()], OSLO, replies=[reply]) as (call, theirs):
        await call.said("AI: Done.")
    assert len(theirs.chat.asked) == 1
    messages = call.domain.kept["messages"]
    assert messages[1]["result"] == '{"ok": 1}'


@on_loop
async def test_an_asynchronous_tool_speaks_at_once() -> None:
    done = says("request-complete", "I will send it.")
    async with asked([tool(done, **{"async": True})], OSLO, replies=[answer()]) as (call, theirs):
        await call.said("AI: I will send it.")
        await call.domain.hears("ask")
    assert len(theirs.chat.asked) == 1


@on_loop
async def test_static_values_are_sent_to_the_server() -> None:
    static = [{"key": "source", "value": "{{from}}"}]
    given = tool(parameters=static)
    values = {"from": "phone"}
    async with asked([given], OSLO, replies=[answer()], variableValues=values) as (call, _):
        await call.said("AI: Surely.")
    [(_, fields, _)] = questions(call)
    assert fields["toolCallList"][0]["arguments"] == {"city": "Oslo", "source": "phone"}


@pytest.fixture
def api() -> Iterator[tuple[str, list[str]]]:
    """An API that answers each request with a name; the targets it was asked."""
    targets = list[str]()

    def reply(request: Any) -> ApiReply:
        targets.append(request.target)
        return ApiReply(200, {"name": "Ann"})

    with serve(reply) as url:
        yield url, targets


@in_real_time
async def test_a_variable_of_one_answer_is_in_the_next_request(api: Any) -> None:
    url, targets = api
    one = {
        "type": "apiRequest",
        "name": "who",
        "method": "GET",
        "url": f"{url}/of/{{{{name}}}}",
        "variableExtractionPlan": {"aliases": [{"key": "name", "value": "{{$.name}}"}]},
    }
    turns = (("who", ["{}"]), ("who", ["{}"]))
    values = {"name": "nobody"}
    async with asked([one], *turns, variableValues=values) as (call, theirs):
        await call.said("AI: Surely.")
    kept = call.domain.kept["variableValues"]
    assert kept["name"] == "Ann"
    assert kept["customer"] == {}  # beside those that the call began with
    assert targets == ["/of/nobody", "/of/Ann"]
    assert learned(theirs) == [{"name": "Ann"}, {"name": "Ann"}]


def who(url: str, **more: Any) -> dict[str, Any]:
    """A tool that learns ``name``."""
    return {
        "type": "apiRequest",
        "name": "who",
        "method": "GET",
        "url": url,
        "variableExtractionPlan": {"schema": {"properties": {"name": {"type": "string"}}}},
        **more,
    }


@in_real_time
async def test_what_was_learnt_is_in_all_that_is_said_later(api: Any) -> None:
    """In the same tool's words, in another tool's, and in the assistant's last words."""
    url, _ = api
    one = who(url, messages=[says("request-complete", "You are {{name}}.")])
    end = {"type": "endCall", "messages": []}
    sms = {"type": "sms", "messages": [says("request-start", "I write, {{name}}.")]}
    more = {"endCallMessage": "Bye {{name}}."}
    async with asked([one, sms, end], ("who", ["{}"]), **more) as (call, theirs):
        await call.said("AI: You are Ann.")
        theirs.chat.script = [("sms", ['{"content": "Hi"}']), ("endCall", ["{}"])]
        call.give(type="add-message", message={"role": "user", "content": "?"})
        assert await call.end() is EndedReason.ASSISTANT_ENDED_CALL
    assert "AI: I write, Ann." in call.transcript
    assert call.transcript.endswith("AI: Bye Ann.\n")


@in_real_time
async def test_a_transfer_and_a_hook_say_what_was_learnt(api: Any) -> None:
    url, _ = api
    one = who(url)
    desk = {"type": "number", "number": "+14155550101", "message": {"content": "I ask, {{name}}."}}
    moves = {"type": "transferCall", "destinations": [desk]}
    late = {"on": "customer.speech.timeout", "options": {"timeoutSeconds": 1}}
    says_and_moves = [
        {"type": "say", "exact": ["Still there, {{name}}?"]},
        {"type": "transfer", "destination": desk},
    ]
    for turns, hooks in (((("transferCall", ["{}"]),), []), ((), [{**late, "do": says_and_moves}])):
        async with asked([one, moves], ("who", ["{}"]), hooks=hooks) as (call, theirs):
            await call.said("AI: Surely.")
            theirs.chat.script = list(turns)
            if turns:
                call.give(type="add-message", message={"role": "user", "content": "?"})
            *_, destination, _message = await call.domain.hears("transfer")
            assert destination == {**desk, "message": {"content": "I ask, Ann."}}
        assert not hooks or "Still there, Ann?" in call.transcript


@in_real_time
async def test_the_tools_of_mcp_servers_join_the_call() -> None:
    """A name that is taken gets the server's before it; a dead server does not matter."""
    dead = {"type": "mcp", "server": {"url": "http://127.0.0.1:9/"}}
    own = {"type": "function", "function": {"name": "add", "parameters": {}}}
    with served("shttp") as url:
        shop = {"type": "mcp", "function": {"name": "shop"}, "server": {"url": url}}
        async with asked([dead, own, shop], "Hello.") as (call, theirs):
            await call.said("AI: Hello.")
            offered = set[str]()
            while "shop_add" not in offered:
                theirs.chat.script = ["One moment."]
                call.give(type="add-message", message={"role": "user", "content": "?"})
                count = len(theirs.chat.asked)
                await call.until(lambda count=count: len(theirs.chat.asked) > count)
                body = theirs.chat.asked[-1].body
                offered = {each["function"]["name"] for each in body["tools"]}
            assert offered == {"add", "shop_add", "fail", "greet"}
            theirs.chat.script = [("shop_add", ['{"a": 2, "b": 3}'])]
            call.give(type="add-message", message={"role": "user", "content": "?"})
            await call.said("AI: Surely.")
    assert learned(theirs)[-1] in (5, "5")
