"""What is offered for an assistant, by the accounts that an installation has."""

from __future__ import annotations

from typing import Any

import pytest

from app.domain.assistant.config import AssistantConfig
from app.domain.assistant.installation import Installation, check
from app.domain.assistant.served_fields import Fate
from app.domain.costs import vendor_prices
from app.domain.dashboard.assistants.choices import (
    NEEDS_KEY,
    OTHER,
    READY,
    Option,
    providers,
    starter,
)
from app.settings import Settings
from app.vendors.common.account import VendorAccount

SOME = {name: VendorAccount("key") for name in ("openai", "deepgram")}


@pytest.mark.parametrize(
    ("stage", "provider", "accounts", "group", "told"),
    [
        ("model", "openai", SOME, READY, "openai"),
        ("model", "openai", {}, NEEDS_KEY, "openai (needs a key)"),
        ("model", "embedded", {}, READY, "embedded (a keypad menu, no key)"),
        ("model", "custom-llm", {}, OTHER, "custom-llm (a server of yours: its address is in the JSON)"),
        ("voice", "embedded", {}, READY, "embedded (no key)"),
        ("voice", "vapi", {}, READY, "vapi (spoken by a similar voice)"),
        ("voice", "playht", {}, OTHER, "playht (is out of business)"),
        ("transcriber", "deepgram", SOME, READY, "deepgram"),
        ("transcriber", "11labs", SOME, NEEDS_KEY, "11labs (needs a key)"),
    ],
)  # fmt: skip
def test_a_provider(stage: str, provider: str, accounts: Any, group: str, told: str) -> None:
    found = providers(stage, accounts)[group]
    assert told in {each.told for each in found if each.value == provider}


@pytest.mark.parametrize(
    ("present", "told"),
    [
        ("elevenlabs", "elevenlabs (another name of 11labs)"),
        ("nobody", "nobody (not known here)"),
    ],
)
def test_that_of_the_assistant_is_always_there(present: str, told: str) -> None:
    assert providers("voice", {}, present)[OTHER][-1] == Option(present, told)


@pytest.mark.parametrize(
    ("accounts", "model", "transcriber"),
    [
        ({}, {"provider": "embedded"}, None),
        (SOME, {"provider": "openai", "model": "gpt-4o"}, {"provider": "deepgram"}),
        # by preference; without a transcriber's key the embedded one hears
        ({"groq": VendorAccount("key"), "openai": VendorAccount("key")}, {"provider": "openai", "model": "gpt-4o"},
         {"provider": "openai"}),
    ],
)  # fmt: skip
def test_a_new_assistant_works_here(accounts: Any, model: Any, transcriber: Any) -> None:
    made = starter(accounts)
    assert {name: made["model"].get(name) for name in model} == model
    assert made.get("transcriber") == transcriber
    found = check(AssistantConfig(made), Installation(Settings(secret_keys=("k",)), accounts))
    assert [each for each in found if each.fate not in (Fate.SERVED, Fate.MAPPED)] == []


def test_names_of_models_have_a_price_of_their_own() -> None:
    names = vendor_prices.shipped().names("model", "openai")
    assert "gpt-4o" in names
    assert not [name for name in names if "*" in name]
    assert vendor_prices.shipped().names("model", "nobody") == []
