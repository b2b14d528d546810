"""A call's cost fields, from its items alone."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from app.domain.costs import items as costs
from providers.events import CallEvent, EventKind

AT = datetime(2026, 11, 23, 12, tzinfo=UTC)
RATES = {"EUR": Decimal("1.25")}


def leg(amount: str, currency: str = "USD", ref: str = "CA1", seconds: int = 90) -> costs.Item:
    facts = {"price": {"amount": amount, "currency": currency, "leg": ref}}
    return costs.transport("carrier", {**facts, "durationSeconds": seconds}, RATES)


def model(cost: float) -> dict[str, Any]:
    used = {"promptTokens": 1000, "completionTokens": 20}
    return {"type": "model", "model": {"provider": "openai"}, **used, "cost": cost}


VOICE = {"type": "voice", "voice": {"provider": "openai"}, "characters": 300, "cost": 0.2}
TRANSCRIBER = {"type": "transcriber", "transcriber": {}, "minutes": 1.5, "cost": 0.03}
PLATFORM = {"type": "vapi", "subType": "normal", "minutes": 1.5, "cost": 0}
ANALYSIS = {
    "type": "analysis",
    "analysisType": "summary",
    "promptTokens": 9,
    "completionTokens": 3,
    "cost": 0.5,
}
PAID = {"summary": 0.5, "summaryPromptTokens": 9, "summaryCompletionTokens": 3}


@pytest.mark.parametrize(
    ("items", "breakdown"),
    [
        ([], {"total": 0}),
        ([leg("0.014")], {"transport": 0.014, "total": 0.014}),
        # binary fractions would add up to 0.30000000000000004
        (
            [leg("0.1", ref="a"), leg("0.2", ref="b")],
            {"transport": 0.3, "total": 0.3},
        ),
        # euros, converted
        ([leg("0.00315000", "EUR")], {"transport": 0.0039375, "total": 0.0039375}),
        # the later word on the same leg is the one that holds
        ([leg("0.5"), leg("0.014")], {"transport": 0.014, "total": 0.014}),
        (
            [model(0.1), model(0.2), VOICE, TRANSCRIBER, PLATFORM],
            {
                "llm": 0.3,
                "llmPromptTokens": 2000,
                "llmCompletionTokens": 40,
                "tts": 0.2,
                "ttsCharacters": 300,
                "stt": 0.03,
                "vapi": 0,
                "total": 0.53,
            },
        ),
        # a type without a sum of its own, but with a breakdown
        ([ANALYSIS, PLATFORM], {"vapi": 0, "analysisCostBreakdown": PAID, "total": 0.5}),
    ],
)
def test_items_add_up(items: list[costs.Item], breakdown: dict[str, float]) -> None:
    body: dict[str, Any] = costs.summed([])
    for item in items:
        body |= costs.add(body, item)
    assert body["costBreakdown"] == breakdown
    assert body["cost"] == breakdown["total"]
    assert body["costs"][-1:] == items[-1:]


def test_a_leg_is_an_item_of_vapis() -> None:
    assert leg("0.00315000", "EUR", "leg-1", 90) == {
        "type": "transport",
        "provider": "carrier",
        "minutes": 1.5,
        "cost": 0.0039375,
        "told": {"amount": "0.00315000", "currency": "EUR", "leg": "leg-1"},
    }


def test_a_currency_without_a_rate_is_kept_as_told() -> None:
    item = leg("2", "SEK")
    assert (item["cost"], item["told"]["amount"], item["told"]["currency"]) == (0, "2", "SEK")


def event(currency: str | None, ref: str) -> CallEvent:
    price = {"price": {"amount": "1", "currency": currency, "leg": ref}} if currency else {}
    return CallEvent(EventKind.LEG_ENDED, AT, ref, data=price)


def test_a_missing_rate_is_noted_once_per_currency() -> None:
    news = [event(word, str(n)) for n, word in enumerate(("SEK", "SEK", "EUR", "USD", None))]
    (note,) = costs.without_rate(news, RATES, AT)
    assert (note.kind, note.key, note.data["currency"]) == (EventKind.NOTE, "no-rate:SEK", "SEK")
    assert "CURRENCY_RATES" in note.data["error"]


def test_events_without_a_price_change_nothing() -> None:
    assert costs.of_legs({"cost": 3}, [event(None, "a")], "carrier", RATES) == {}


def test_what_else_a_call_cost_stays() -> None:
    body = costs.add({}, model(0.1))
    changed = costs.of_legs(body, [event("USD", "a"), event("EUR", "b")], "carrier", RATES)
    assert changed["costBreakdown"]["llm"] == 0.1
    assert (changed["costBreakdown"]["transport"], changed["cost"]) == (2.25, 2.35)


def test_an_item_told_again_takes_its_own_place() -> None:
    """Of one socket, leg or question; never another kind's."""
    voice = {"type": "voice", "stream": "one", "cost": 0.2}
    body: dict[str, Any] = {}
    for item in (voice, {**voice, "type": "model"}, {**voice, "cost": 0.3}, ANALYSIS, ANALYSIS):
        body |= costs.add(body, item)
    assert [(each["type"], each["cost"]) for each in body["costs"]] == [
        ("model", 0.2),
        ("voice", 0.3),
        ("analysis", 0.5),
    ]
