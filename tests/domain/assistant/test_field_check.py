"""Every field has its row, a mistyped one is told, and a check is true of the installation."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.assistants.local.tools.definitions import Kind
from app.domain.assistant import tool_types
from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.field_check import MOST, STAGES, check_fields, is_known
from app.domain.assistant.installation import Installation, check, refuse
from app.domain.assistant.served_fields import READ_ONLY, ROWS, TOOL_TYPES, VENDORS_OWN, Fate
from app.domain.assistant.told import MOST as MOST_CHARACTERS
from app.domain.assistant.told import sentences
from app.domain.errors import Invalid
from app.settings import Settings
from app.vendors import registry
from app.vendors.common import local_models
from app.vendors.common.account import VendorAccount
from tests.routes.test_compatibility import vapi

__all__ = ["vapi"]

SETTINGS = Settings(("k" * 16,))
DEPTH = 3
FREE = ("credentials", "model.workflow")
"""Objects without rows of their own: what they hold has their fate."""


def findings(assistant: dict[str, Any], **accounts: VendorAccount) -> dict[str, tuple[str, str]]:
    found = check(AssistantConfig(assistant), Installation(SETTINGS, accounts))
    return {each.path: (str(each.fate), each.why) for each in found}


# ------------------------------------------------------------------ the table


def test_the_table_is_sorted() -> None:
    assert [*ROWS] == sorted(ROWS, key=lambda path: path.casefold().split("."))


def test_each_row_says_why() -> None:
    for path, row in {**ROWS, **TOOL_TYPES}.items():
        assert row.fate is Fate.SERVED or row.why, path
        assert not row.why.endswith("."), path


def test_the_types_of_tools_are_those_of_the_agent() -> None:
    served = {name for name, row in TOOL_TYPES.items() if row.fate is Fate.SERVED}
    assert served == {str(kind) for kind in Kind} - tool_types.OF_OPERATORS


TALKS = "model.tools.0.destinations.0.transferPlan.transferAssistant"


def with_operator(**fields: Any) -> dict[str, Any]:
    """An assistant whose transfer has a transfer assistant with these fields."""
    plan = {"mode": "warm-transfer-experimental", "transferAssistant": fields}
    place = {"type": "number", "number": "+14155550188", "transferPlan": plan}
    tools = [{"type": "transferCall", "destinations": [place]}]
    model = {"provider": "openai", "model": "gpt-4o", "tools": tools}
    return {"model": model, "voice": {"provider": "embedded"}}


def test_a_transfer_assistants_fields_are_known() -> None:
    given = with_operator(firstMessage="Hi", firstMesage="Hi", model={"provider": "openai"})
    found = {each.path: each for each in check_fields(given)}
    assert found[f"{TALKS}.firstMessage"].fate is Fate.SERVED
    assert found[f"{TALKS}.firstMesage"].mistyped


def test_what_a_transfer_assistant_misses_is_told_where_it_is() -> None:
    """What it has from the caller's assistant is told of that one alone."""
    own = [{"type": "transferCancel"}, {"type": "bash"}]
    found = findings(with_operator(model={"tools": own}, voice={"provider": "11labs"}))
    told = {path.removeprefix(f"{TALKS}.") for path in found if path.startswith(TALKS)}
    assert told == {"model", "voice", "model.tools.1.type"}
    assert found[f"{TALKS}.voice"][0] == "refused"


def test_a_transfer_assistant_that_can_never_talk_is_refused() -> None:
    with pytest.raises(Invalid, match=f"{TALKS}.voice.provider must be one of"):
        refuse(AssistantConfig(with_operator(voice={"provider": "nobody"})), SETTINGS)


def properties(
    schemas: dict[str, Any], node: dict[str, Any], depth: int, key: str = ""
) -> Iterator[tuple[str, str]]:
    """The fields of a schema of Vapi's: the key of the object, and the name."""
    for inner in (*node.get("oneOf", ()), *node.get("anyOf", ()), *node.get("allOf", ())):
        yield from properties(schemas, inner, depth, key)
    if "$ref" in node:
        yield from properties(schemas, schemas[node["$ref"].rpartition("/")[2]], depth, key)
    for name, inner in node.get("properties", {}).items():
        yield key, name
        if depth > 1 and f"{key}{name}" not in FREE:
            yield from properties(schemas, inner, depth - 1, f"{key}{name}.")
    if "items" in node:
        yield from properties(schemas, node["items"], depth, key)


def is_below(key: str) -> bool:
    """Whether the object has no rows of its own, so that another's holds for it."""
    holder = key.removesuffix(".")
    rows = any(path.startswith(key) for path in ROWS) or holder in STAGES
    return key != "" and not rows


def test_every_field_of_vapis_assistant_has_a_row(vapi: dict[str, Any]) -> None:
    schemas = vapi["components"]["schemas"] if vapi else {}
    for name in ("CreateAssistantDTO", "AssistantOverrides") if schemas else ():
        found = {*properties(schemas, schemas[name], DEPTH)}
        assert len(found) > 300
        left = {k + n for k, n in found if not is_below(k) and not is_known(k, n)}
        assert not left


def test_every_vendors_field_is_vapis_or_a_row() -> None:
    for vendor in registry.BUILT_IN:
        for stage in VENDORS_OWN:
            part = vendor.part(stage)
            for name in part.fields if part else ():
                assert is_known(f"{stage}.", name), f"{vendor.name} {stage}.{name}"


# ------------------------------------------------------------------ an assistant


@pytest.mark.parametrize(
    ("assistant", "path", "why"),
    [
        ({"firstMesage": "Hello."}, "firstMesage", "no such field: is `firstMessage` meant?"),
        ({"voice": {"voiceID": "x"}}, "voice.voiceID", "no such field: is `voiceId` meant?"),
        ({"model": {"temprature": 1}}, "model.temprature", "is `temperature` meant?"),
        ({"server": {"backoffPlan": {"typ": 1}}}, "server.backoffPlan.typ", "is `type` meant?"),
        ({"transcriber": {"smartFormt": 1}}, "transcriber.smartFormt", "is `smartFormat` meant?"),
        ({"xyzzy": 1}, "xyzzy", "no such field of Vapi's"),
        (
            {"monitorPlan": {"monitorIds": []}},
            "monitorPlan.monitorIds",
            "no scorecards and monitors are kept",
        ),
        (
            {"voice": {"provider": "openai", "voiceId": "a", "stability": 1}},
            "voice.stability",
            "not used with openai",
        ),
        (
            {"model": {"provider": "openai", "url": "x"}},
            "model.url",
            "for a model on your own server only",
        ),
        (
            {"model": {"tools": [{"type": "function"}, {"type": "bash", "name": "x"}]}},
            "model.tools.1.type",
            "no computer is controlled here",
        ),
        (
            {"model": {"tools": [{"type": "teleport"}]}},
            "model.tools.0.type",
            "no such type of tool",
        ),
        (
            {"voice": {"fallbackPlan": {"voices": [{"provider": "azure", "stabilty": 1}]}}},
            "voice.fallbackPlan.voices.0.stabilty",
            "is `stability` meant?",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_field_without_effect(assistant: dict[str, Any], path: str, why: str) -> None:
    fate, told = findings(assistant)[path]
    assert fate == "ignored"
    assert told.endswith(why)


@pytest.mark.parametrize(
    ("assistant", "path", "fate"),
    [
        ({"firstMessage": ""}, "firstMessage", "served"),
        ({"serverUrl": "https://a.example"}, "serverUrl", "mapped"),
        ({"metadata": {"firstMesage": 1}}, "metadata", "served"),
        ({"variableValues": {"any": {"x": 1}}}, "variableValues", "served"),
        # what is switched off, and does not exist here
        (
            {"server": {"staticIpAddressesEnabled": False}},
            "server.staticIpAddressesEnabled",
            "served",
        ),
        ({"artifactPlan": {"pcapEnabled": True}}, "artifactPlan.pcapEnabled", "ignored"),
        ({"artifactPlan": {"loggingEnabled": False}}, "artifactPlan.loggingEnabled", "ignored"),
        ({"firstMesage": False}, "firstMesage", "ignored"),
        ({"model": {"provider": "custom-llm", "url": "x"}}, "model.url", "served"),
        ({"voice": {"provider": "11labs", "voiceId": "a", "style": 1}}, "voice.style", "served"),
        (
            {"model": {"tools": [{"type": "function", "function": {"parameters": {"x": 1}}}]}},
            "model.tools.0.function",
            "served",
        ),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_field_with_effect(assistant: dict[str, Any], path: str, fate: str) -> None:
    assert findings(assistant)[path][0] == fate


def test_what_was_read_can_be_sent_back() -> None:
    assert findings(dict.fromkeys(READ_ONLY, "x")) == {}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
NAMES = st.sampled_from(sorted({name for path in ROWS for name in path.split(".")}))
BODIES = st.dictionaries(NAMES, JSON | st.dictionaries(NAMES, JSON, max_size=4), max_size=5)


@given(BODIES)
def test_any_assistant_is_checked(assistant: dict[str, Any]) -> None:
    found = check(AssistantConfig(assistant), Installation(SETTINGS))
    for sentence in sentences(found):
        assert len(sentence) <= MOST_CHARACTERS


def test_findings_are_bounded() -> None:
    assert len(check_fields({f"x{number}": 1 for number in range(MOST + 1)})) == MOST


# ------------------------------------------------------------------ an installation

NOBODYS = {"provider": "nobody"}
KEY = VendorAccount("key")


@pytest.mark.parametrize(
    ("assistant", "path", "word"),
    [
        ({"model": NOBODYS, "transcriber": {"provider": "none"}}, "model.provider", "embedded"),
        ({"voice": NOBODYS}, "voice.provider", "embedded"),
        ({"transcriber": NOBODYS}, "transcriber.provider", "deepgram"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_can_never_work_is_refused(assistant: dict[str, Any], path: str, word: str) -> None:
    with pytest.raises(Invalid, match=f"^x.{path} must be one of the following values: ") as error:
        refuse(AssistantConfig(assistant), SETTINGS, "x.")
    assert word in str(error.value)


@pytest.mark.parametrize(
    "assistant",
    [
        {},
        {"model": {"provider": "openai"}},  # a key may come later
        {"voice": {"provider": "openai"}},  # a voice too
        {"voice": {"voiceId": "x"}},  # and the provider, in overrides
        {"voice": {**NOBODYS, "fallbackPlan": {"voices": [{"provider": "embedded"}]}}},
        {"voice": NOBODYS, "model": NOBODYS, "transport": {"provider": "echo"}},  # none is built
    ],
    ids=lambda value: str(value)[:50],
)
def test_what_may_work_is_not(assistant: dict[str, Any]) -> None:
    refuse(AssistantConfig(assistant), SETTINGS)


def test_a_fallback_voice_serves_any() -> None:
    settings = Settings(("k" * 16,), fallback_voice={"provider": "embedded"})
    refuse(AssistantConfig({"voice": NOBODYS}), settings)


@pytest.mark.parametrize(
    ("voice", "speaker"),
    [
        ({"provider": "vapi", "voiceId": "Elliot"}, "embedded"),  # no vendor has a key
        ({"provider": "elevenlabs", "voiceId": "x"}, "11labs"),
        ({**NOBODYS, "fallbackPlan": {"voices": [{"provider": "embedded"}]}}, "embedded"),
    ],
    ids=str,
)
def test_a_stand_in_is_named(voice: dict[str, Any], speaker: str) -> None:
    accounts = {speaker: KEY} if speaker == "11labs" else {}
    found = findings({"voice": voice}, **accounts)
    assert found["voice.provider"] == ("mapped", f"`{speaker}` serves it")


@pytest.mark.parametrize(
    ("stage", "plan", "fallback", "why"),
    [
        ("voice", "voices", {"provider": "azure", "voiceId": "x"}, "AZURE_SPEECH_API_KEY"),
        ("voice", "voices", {"provider": "piper"}, "pip install 'patchbay[local]'"),
        ("transcriber", "transcribers", {"provider": "whisper"}, "pip install 'patchbay[local]'"),
        ("transcriber", "transcribers", NOBODYS, "transcriber.provider is one of"),
    ],
    ids=lambda value: str(value)[:50],
)
def test_a_fallback_that_calls_leave_out_is_told(
    stage: str, plan: str, fallback: dict[str, Any], why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(local_models, "find_spec", lambda name: None)
    both = [{"provider": "embedded"}, fallback]
    config = {"provider": "embedded", "fallbackPlan": {plan: both}}
    told = findings({stage: config, "model": {"provider": "embedded"}})
    fate, said = told.pop(f"{stage}.fallbackPlan.{plan}.1")
    assert (fate, why in said) == ("ignored", True), said
    assert f"{stage}.fallbackPlan.{plan}.0" not in told


def test_a_missing_key_is_told_until_it_is_there() -> None:
    assistant = {"model": {"provider": "groq", "model": "x"}}
    found = findings(assistant)
    assert {path for path, (fate, _) in found.items() if fate == "refused"} == {
        "model",
        "transcriber",  # the default one, which a model needs
    }
    assert "GROQ_API_KEY" in found["model"][1]
    found = findings(assistant, groq=KEY, deepgram=KEY)
    assert {fate for fate, _ in found.values()} == {"served"}
