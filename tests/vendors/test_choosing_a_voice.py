"""Which of an assistant's voices is built, and what the operator is told where none can be."""

from __future__ import annotations

import ast
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from app.vendors import failures, tts
from app.vendors.common import speech_request, tts_part
from app.vendors.common.account import VendorAccount, VendorAccounts
from app.vendors.common.errors import UnbuildableAssistant
from app.vendors.failures import voice_failure
from app.vendors.registry import VENDORS, fallback_voices, tts_parts
from app.vendors.tts import candidates, choose, has_word_times, make_voice, problem
from tests.vendors.cases import DISCONTINUED

KEYS: VendorAccounts = {"openai": VendorAccount("key"), "11labs": VendorAccount("key")}
ALLOY = {"provider": "openai", "voiceId": "alloy"}
SARAH = {"provider": "11labs", "voiceId": "sarah"}
JENNIFER = {"provider": "playht", "voiceId": "jennifer"}
OWN = "https://speech.example/v1"


def test_candidates_in_vapis_order_and_then_the_operators() -> None:
    plan = {"voices": [SARAH, JENNIFER]}
    assert candidates({**ALLOY, "fallbackPlan": plan}, JENNIFER) == (
        ALLOY,
        SARAH,
        JENNIFER,
        JENNIFER,
    )


@pytest.mark.parametrize(
    ("config", "fallback", "chosen"),
    [
        (ALLOY, SARAH, ALLOY),  # its own, where it can speak
        ({**JENNIFER, "fallbackPlan": {"voices": [SARAH]}}, ALLOY, SARAH),
        ({**JENNIFER, "fallbackPlan": {"voices": [JENNIFER]}}, ALLOY, ALLOY),
        ({**JENNIFER, "fallbackPlan": None}, ALLOY, ALLOY),
        ({"provider": "azure", "voiceId": "emma"}, ALLOY, ALLOY),  # no key
        ({"provider": "embedded"}, ALLOY, {"provider": "embedded"}),  # needs neither
        ({**JENNIFER, "fallbackPlan": {"voices": ["sarah", SARAH]}}, ALLOY, SARAH),
        ({**JENNIFER, "fallbackPlan": [SARAH]}, ALLOY, ALLOY),  # no plan
    ],
)
def test_the_first_that_can_speak(
    config: dict[str, Any], fallback: dict[str, Any], chosen: dict[str, Any]
) -> None:
    assert choose(config, KEYS, fallback) == chosen


@pytest.mark.parametrize("provider", sorted(DISCONTINUED))
def test_a_vendor_that_is_gone_fails_at_once(provider: str) -> None:
    config = {"provider": provider, "voiceId": "x", "fallbackPlan": {"voices": [JENNIFER]}}
    why = VENDORS[provider].why_discontinued
    with pytest.raises(UnbuildableAssistant, match=f"^{provider} {why}: choose another") as caught:
        choose(config, KEYS)
    assert (caught.value.stage, caught.value.provider) == ("voice", provider)
    reason = voice_failure(provider, str(caught.value))
    known = why == "is out of business"
    assert reason == (f"pipeline-error-{provider}-voice-failed" if known else "assistant-error")


@pytest.mark.parametrize("provider", sorted(DISCONTINUED))
def test_a_vendor_that_is_gone_speaks_at_an_address_of_ones_own(provider: str) -> None:
    config = {"provider": provider, "voiceId": "x"}
    assert choose(config, {provider: VendorAccount(url=OWN)}, ALLOY) == config


@pytest.mark.parametrize(
    ("config", "account", "told"),
    [
        ({}, VendorAccount(), "voice.provider must be one of"),
        (
            {"provider": "a-new-one", "voiceId": "x"},
            VendorAccount("key"),
            "voice.provider must be one of",
        ),
        ({"provider": "openai"}, VendorAccount("key"), "voice.voiceId is missing"),
        (
            {"provider": "openai", "voiceId": "alloy"},
            VendorAccount(),
            "openai has no key: set OPENAI_API_KEY",
        ),
        ({"provider": "custom-voice"}, VendorAccount(), "voice.server.url is missing"),
        (
            {"provider": "azure", "voiceId": "emma"},
            VendorAccount("key"),
            "the region of azure must be the region of the key",
        ),
        (
            {"provider": "azure", "voiceId": "emma"},
            VendorAccount("key", extra={"region": "evil.example/"}),  # would be another host
            "the region of azure must be the region of the key",
        ),
        (
            {"provider": "aws", "voiceId": "Joanna"},
            VendorAccount("secret", extra={"region": "eu-west-1"}),
            "the account of aws must have awsAccessKeyId",
        ),
    ],
)
def test_the_operator_is_told_what_to_change(
    config: dict[str, Any], account: VendorAccount, told: str
) -> None:
    said = problem(config, {config.get("provider", ""): account})
    assert said is not None
    assert told in said


@pytest.mark.parametrize(
    ("config", "account"),
    [
        (
            {"provider": "azure", "voiceId": "emma"},
            VendorAccount("key", extra={"region": "westeurope"}),
        ),
        ({"provider": "azure", "voiceId": "emma"}, VendorAccount("key", OWN)),  # says where itself
        ({"provider": "openai", "voiceId": "x"}, VendorAccount(None, OWN)),  # ours may need no key
        ({"provider": "custom-voice", "server": {"url": OWN}}, VendorAccount()),
    ],
)
def test_enough_is_known(config: dict[str, Any], account: VendorAccount) -> None:
    assert problem(config, {config["provider"]: account}) is None


@pytest.mark.parametrize(
    "config",
    [
        {"provider": "cartesia", "voiceId": "x", "generationConfig": {"speed": "fast"}},
        {"provider": "custom-voice", "server": {"url": OWN, "timeoutSeconds": "long"}},
    ],
    ids=lambda config: config["provider"],
)
def test_a_field_that_is_no_value_of_its_kind(config: dict[str, Any]) -> None:
    with pytest.raises(UnbuildableAssistant, match="field that is not valid"):
        make_voice(config, {config["provider"]: VendorAccount("key")}, 8000)


def test_the_operators_voice_may_be_any_that_can_speak_by_itself() -> None:
    assert set(fallback_voices()) == set(tts_parts()) - DISCONTINUED - {"custom-voice", "vapi"}


def test_who_has_word_times() -> None:
    assert {p for p in tts_parts() if has_word_times(p)} == {"11labs", "cartesia", "rime-ai"}


@pytest.mark.parametrize("module", [failures, tts_part, speech_request, tts])
def test_choosing_loads_no_media_engine(module: ModuleType) -> None:
    """A process that only serves the API checks voices too."""
    tree = ast.parse(Path(str(module.__file__)).read_text())
    named = {n.module or "" for n in tree.body if isinstance(n, ast.ImportFrom)}
    named |= {alias.name for n in tree.body if isinstance(n, ast.Import) for alias in n.names}
    assert not {name.split(".")[0] for name in named} & {"pipecat", "aiohttp", "numpy", "soxr"}
    assert not {name.split(".")[-1] for name in named} & {"http_voice", "socket_voices", "pcm"}
