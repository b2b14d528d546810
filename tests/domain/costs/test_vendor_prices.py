"""What vendors take: the shipped list, the operator's own over it, and what nobody knows."""

from __future__ import annotations

import json
from typing import Any

import pytest

from app.domain.costs import vendor_prices
from app.domain.costs.vendor_prices import SHIPPED
from app.settings import SettingsError

TOKENS = {"promptTokens": 1_000_000, "completionTokens": 100_000}


def model(provider: str, name: str) -> dict[str, Any]:
    return {"type": "model", "model": {"provider": provider, "model": name}, **TOKENS}


def spoken(name: str) -> dict[str, Any]:
    """Of 1.5 million tokens 1 million are sound, half of it cached, as 100 000 of the text."""
    counts = {
        "promptTokens": 1_500_000,
        "completionTokens": 1_100_000,
        "promptAudioTokens": 1_000_000,
        "completionAudioTokens": 1_000_000,
        "cachedPromptTokens": 600_000,
        "cachedPromptAudioTokens": 500_000,
    }
    return {**model("openai", name), **counts}


def voice(provider: str, name: str) -> dict[str, Any]:
    return {"type": "voice", "voice": {"provider": provider, "voiceId": name}, "characters": 2000}


def ears(provider: str, name: str) -> dict[str, Any]:
    part = {"provider": provider, "model": name}
    return {"type": "transcriber", "transcriber": part, "minutes": 2.5}


@pytest.mark.parametrize(
    ("usage", "cost"),
    [
        (model("openai", "gpt-4o"), 2.5 + 1.0),
        (model("openai", "gpt-4o-2024-08-06"), 2.5 + 1.0),  # a version
        (model("openai", "gpt-4o-mini"), 0.15 + 0.06),  # another model, not a version
        ({**model("openai", "gpt-4o"), "type": "analysis"}, 2.5 + 1.0),
        (model("custom-llm", "anything"), 0.0),  # one's own
        (voice("deepgram", "aura-asteria-en"), 0.03),
        (voice("deepgram", "aura-2-thalia-en"), 0.06),  # the longer pattern
        (voice("embedded", ""), 0.0),
        (voice("google", "en-US-Chirp3-HD-Kore"), 0.06),
        (voice("google", "de-DE-Neural2-A"), 0.032),
        (voice("minimax", "Calm_Woman"), 0.12),
        (voice("aws", "Joanna"), 0.032),
        (ears("deepgram", "nova-2-phonecall"), 0.0145),
        (spoken("gpt-realtime-2025-08-28"), 0.4 * 4 + 0.1 * 0.4 + 0.1 * 16 + 16 + 0.2 + 64),
        (spoken("gpt-realtime-2"), 0.4 * 4 + 0.1 * 0.4 + 0.1 * 24 + 16 + 0.2 + 64),
        ({"type": "vapi", "minutes": 3}, 0.0),
    ],
)
def test_shipped(usage: dict[str, Any], cost: float) -> None:
    assert vendor_prices.shipped().item(usage) == {**usage, "cost": pytest.approx(cost)}


def test_a_list_without_prices_of_sound_counts_it_as_text() -> None:
    own = {"model": {"openai": {"gpt-realtime-own": {"promptTokens": 1, "completionTokens": 2}}}}
    item = vendor_prices.over(own).item(spoken("gpt-realtime-own"))
    assert item["cost"] == pytest.approx(1.5 + 2.2)


def test_what_has_no_price_says_so() -> None:
    usage = model("groq", "unheard-of")
    assert vendor_prices.shipped().item(usage) == {**usage, "cost": 0.0, "priceKnown": False}


def test_the_operators_are_laid_over() -> None:
    own = {"model": {"groq": {"*": {"promptTokens": 1, "completionTokens": 2}}}}
    table = vendor_prices.over(own)
    assert table.item(model("groq", "any"))["cost"] == pytest.approx(1.2)
    assert table.item(model("openai", "gpt-4o"))["cost"] == pytest.approx(3.5)
    assert vendor_prices.over(None) is vendor_prices.shipped()


@pytest.mark.parametrize(
    ("own", "named"),
    [
        ({"model": []}, "model"),  # not an object
        ({"voice": {"openai": 15}}, "voice.openai"),  # of which model?
        ({"voice": {"openai": {"tts-1": "15"}}}, "voice.openai.tts-1"),  # not a number
        ({"voice": {"openai": {"tts-1": -1}}}, "voice.openai.tts-1"),
        ({"model": {"openai": {"x": {"input": 1}}}}, "model.openai.x"),  # no such unit
    ],
)
def test_a_wrong_one_is_named(own: dict[str, Any], named: str) -> None:
    with pytest.raises(SettingsError, match=f"PRICES_FILE: {named}"):
        vendor_prices.over(own)


def test_the_shipped_table_keeps_its_own_rules() -> None:
    table = json.loads(SHIPPED.read_text())
    vendor_prices.over(table)
    assert {"about", "asOf"} <= table.keys()
