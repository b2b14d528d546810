"""The tools that an assistant names by id, as its call has them."""

from __future__ import annotations

import logging
from typing import Any

import pytest

from app.assistants.local.tools.reading import read_tools
from app.domain.resources.tools import MOST
from app.domain.services.media import StreamClaim
from tests.domain.live_call import join, read
from tests.fakes.carriers.leg import Leg
from tests.fakes.carriers.twilio import TwilioLeg
from tests.routes.api import UNKNOWN, Api, refused

SECRET = "c4n4ry"
OWN = {"type": "function", "function": {"name": "own"}}
BOOK = {
    "type": "function",
    "function": {"name": "book"},
    "server": {"url": "https://tools.example/", "secret": SECRET},
}


@pytest.fixture
def carrier() -> type[Leg]:
    """It makes no difference here."""
    return TwilioLeg


def model(*ids: str, **more: Any) -> dict[str, Any]:
    return {"model": {"provider": "openai", "toolIds": list(ids), **more}}


def claim(leg: Leg, assistant: dict[str, Any]) -> StreamClaim:
    return join(leg, read(leg, leg.arrive({"assistantId": assistant["id"]})))


def names(claim: StreamClaim) -> list[str]:
    return [tool.name for tool in read_tools(claim.assistant)]


def test_a_call_has_them_beside_the_assistants_own(api: Api, leg: Leg) -> None:
    tool = api.made("/tool", BOOK)
    assistant = api.made("/assistant", model(tool["id"], tool["id"], tools=[OWN]))
    found = claim(leg, assistant)
    assert names(found) == ["own", "book"]
    server = read_tools(found.assistant)[1].server
    assert server is not None
    assert server.secret == SECRET
    [call] = api.get("/call").json
    assert SECRET not in api.get(f"/call/{call['id']}").text


def test_a_changed_tool_counts_as_it_is_now(api: Api, leg: Leg) -> None:
    tool = api.made("/tool", BOOK)
    assistant = api.made("/assistant", model(tool["id"]))
    api.patch(f"/tool/{tool['id']}", {"function": {"name": "reserve"}})
    assert names(claim(leg, assistant)) == ["reserve"]


def test_a_deleted_tool_is_left_out_and_logged(
    api: Api, leg: Leg, caplog: pytest.LogCaptureFixture
) -> None:
    gone, here = api.made("/tool", OWN), api.made("/tool", BOOK)
    assistant = api.made("/assistant", model(gone["id"], here["id"]))
    api.delete(f"/tool/{gone['id']}")
    with caplog.at_level(logging.WARNING):
        assert names(claim(leg, assistant)) == ["book"]
    assert f"tool {gone['id']} of an assistant does not exist" in caplog.text


def test_overrides_name_and_append_tools(api: Api) -> None:
    tool = api.made("/tool", BOOK)
    api.made("/assistant", {"name": "x"})
    overrides = {**model(tool["id"]), "tools:append": [OWN | {"server": BOOK["server"]}]}
    made = api.call(assistantOverrides=overrides)
    assert made["assistantOverrides"]["model"]["toolIds"] == [tool["id"]]
    assert SECRET not in str(made)


def test_appended_tools_are_in_the_call(api: Api, leg: Leg) -> None:
    assistant = api.made("/assistant", {**model(tools=[OWN]), "tools:append": [BOOK]})
    assert names(claim(leg, assistant)) == ["own", "book"]


@pytest.mark.parametrize("part", ["assistant", "assistantOverrides"])
def test_a_call_with_an_unknown_tool_is_refused(api: Api, part: str) -> None:
    api.call()
    number = api.get("/phone-number").json[0]
    body = {"phoneNumberId": number["id"], "assistant": {"name": "x"}, part: model(UNKNOWN)}
    more = {"customer": {"number": "+14155550111"}, "phoneCallProviderBypassEnabled": True}
    text = f"Couldn't Get Tool. `{part}.model.toolIds` {UNKNOWN} Does Not Exist."
    assert refused(api.post("/call", {**body, **more})) == text
    assert len(api.get("/call").json) == 1


def test_an_assistant_names_a_bounded_number(api: Api) -> None:
    ids = [UNKNOWN] * (MOST + 1)
    text = f"model.toolIds must contain no more than {MOST} elements"
    assert refused(api.post("/assistant", model(*ids))) == text


def test_a_hook_has_the_tool_it_names(api: Api, leg: Leg) -> None:
    """And one that never was is told."""
    tool = api.made("/tool", BOOK)
    action = {"type": "tool", "toolId": tool["id"]}
    hook = {"on": "assistant.speech.interrupted", "do": [action]}
    assistant = api.made("/assistant", {**model(), "hooks": [hook]})
    found = claim(leg, assistant)
    [given] = found.assistant.hooks[0].actions
    assert given["tool"]["server"]["secret"] == SECRET
    assert names(found) == []
    unknown = {**hook, "do": [{"type": "tool", "toolId": UNKNOWN}]}
    told = f"Couldn't Get Tool. `hooks` {UNKNOWN} Does Not Exist."
    assert refused(api.post("/assistant", {"hooks": [unknown]})) == told
    call = {"phoneCallProviderBypassEnabled": True, "assistant": {"hooks": [unknown]}}
    number = api.get("/phone-number").json[0]["id"]
    answer = refused(api.post("/call", {**call, "phoneNumberId": number}))
    assert answer == told.replace("`hooks`", "`assistant.hooks`")


def test_the_secret_of_a_hooks_tool_is_not_shown(api: Api, leg: Leg) -> None:
    hook = {"on": "call.ending", "do": [{"type": "tool", "tool": BOOK}]}
    assistant = api.made("/assistant", {**model(), "hooks": [hook]})
    assert SECRET not in api.get(f"/assistant/{assistant['id']}").text
    [given] = claim(leg, assistant).assistant.hooks[0].actions
    assert given["tool"]["server"]["secret"] == SECRET
