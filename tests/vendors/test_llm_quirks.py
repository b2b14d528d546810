"""What some vendors' models are asked beside OpenAI's fields, and what they are not asked."""

from __future__ import annotations

from typing import Any

import pytest

from app.vendors.common.account import VendorAccount
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.common.llm_spec import read_spec
from app.vendors.llm import make_model
from tests.clock import on_loop
from tests.fakes.vendors.chat import Chat
from tests.vendors.test_llm import at
from tests.vendors.turn import turn

CALLED = {
    "role": "assistant",
    "tool_calls": [{"id": "c", "type": "function", "function": {"name": "f", "arguments": "{}"}}],
}
CONVERSATION = [
    {"role": "user", "content": "Hello."},
    CALLED,
    {"role": "tool", "content": "1", "tool_call_id": "c"},
]
QUIRKS: list[tuple[str, str, dict[str, Any]]] = [
    ("google", "gemini-2.0-flash", {"reasoning_effort": None, "max_tokens": 250}),
    ("google", "gemini-2.5-flash-lite", {"reasoning_effort": "none", "temperature": 0.5}),
    # it thinks within its tokens, and cannot leave it
    ("google", "gemini-3-flash-preview", {"reasoning_effort": "low", "max_tokens": None}),
    ("minimax", "MiniMax-M2.7", {"reasoning_split": True, "max_completion_tokens": None}),
    ("deep-seek", "deepseek-chat", {"thinking": {"type": "disabled"}, "temperature": 0.5}),
    ("deep-seek", "deepseek-reasoner", {"thinking": None, "temperature": None}),
    ("xai", "grok-4.20-0309-non-reasoning", {"max_completion_tokens": 250}),
    ("xai", "grok-4.20-0309-reasoning", {"max_completion_tokens": None}),
    ("mistral", "mistral-small-latest", {"stream_options": None, "max_tokens": 250}),
]


@pytest.mark.parametrize(("vendor", "model", "asked"), QUIRKS)
@on_loop
async def test_a_vendors_own_fields(vendor: str, model: str, asked: dict[str, Any]) -> None:
    async with Chat() as served:
        heard = await turn(make_model({"provider": vendor, "model": model}, at(served, vendor)))
    assert (heard.text, heard.errors) == ("Good morning to you. ", [])
    body = served.asked[0].body
    assert {name: body.get(name) for name in asked} == asked


def test_an_efforts_name_is_the_assistants() -> None:
    config = {"provider": "google", "model": "gemini-3-pro", "reasoningEffort": "high"}
    spec = read_spec(config, {"google": VendorAccount("key")}, {})
    assert spec.body == {"reasoning_effort": "high"}


@on_loop
async def test_gemini_is_told_that_it_need_not_sign_its_calls() -> None:
    async with Chat() as served:
        model = make_model({"provider": "google", "model": "gemini-3-pro"}, at(served, "google"))
        heard = await turn(model, CONVERSATION)
    assert heard.errors == []
    [call] = next(each for each in served.asked[0].body["messages"] if each.get("tool_calls"))[
        "tool_calls"
    ]
    assert "thought_signature" in call["extra_content"]["google"]
    assert call["function"] == {"name": "f", "arguments": "{}"}


@pytest.mark.parametrize("vendor", ["inflection-ai", "anthropic-bedrock"])
def test_a_vendor_with_another_protocol_says_what_to_set(vendor: str) -> None:
    with pytest.raises(UnbuildableAssistant, match="has no address: set"):
        read_spec({"provider": vendor, "model": "m"}, {vendor: VendorAccount("key")}, {})
