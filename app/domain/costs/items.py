"""What a call cost: items, and the fields of a Call that sum them up. No I/O, no clock, no carrier.

An item is what Vapi's ``costs`` lists: ``{"type", "cost", ...}`` in USD, one per leg of the carrier
or per service used. Whoever knows of a cost makes its item and lays ``add`` over the call's body.
An amount told in another currency is kept in the item (``told``) and converted by CURRENCY_RATES.
https://docs.vapi.ai/api-reference/calls/get (costs, costBreakdown)
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from providers.common.json_types import JsonDict, JsonObject
from providers.events import CallEvent, EventKind

PARTS: Mapping[str, str] = {
    "transport": "transport",
    "transcriber": "stt",
    "model": "llm",
    "voice": "tts",
    "vapi": "vapi",
}
"""Type of an item -> its sum in ``costBreakdown``. Items of other types count in the total only."""

COUNTS: Mapping[str, tuple[str, str]] = {
    "llmPromptTokens": ("model", "promptTokens"),
    "llmCompletionTokens": ("model", "completionTokens"),
    "ttsCharacters": ("voice", "characters"),
}
"""What ``costBreakdown`` counts -> type and field of the items it adds up."""

USD = "USD"
PLACES = Decimal("0.00000001")
"""The finest a carrier tells; dollars are rounded to it once per item, so that sums agree."""
MINUTE = Decimal("0.0001")

Item = JsonObject
Rates = Mapping[str, Decimal]
"""Currency -> dollars for one of it."""


def add(body: JsonObject, item: Item) -> JsonDict:
    """``cost``, ``costBreakdown`` and ``costs`` of a call's body with one more item.

    An item of the same type and leg (``told.leg``), socket (``stream``) or question
    (``analysisType``) takes the place of the earlier one.
    """
    before = body.get("costs", ())
    return summed([*(each for each in before if not _same(each, item)), item])


def summed(items: Sequence[Item]) -> JsonDict:
    """``cost`` in USD, ``costBreakdown`` and ``costs`` for all of these."""
    parts = {name: _sum(items, kind, "cost") for kind, name in PARTS.items()}
    counts = {name: _sum(items, kind, field) for name, (kind, field) in COUNTS.items()}
    types = {item["type"] for item in items}
    known = {PARTS[kind] for kind in types & PARTS.keys()} | {
        name for name, (kind, _) in COUNTS.items() if kind in types
    }
    told: JsonDict = {
        name: float(value) for name, value in (parts | counts).items() if name in known
    }
    if analysed := _analysed(items):
        told["analysisCostBreakdown"] = analysed
    total = float(sum((_decimal(item["cost"]) for item in items), Decimal(0)))
    return {"cost": total, "costBreakdown": {**told, "total": total}, "costs": list(items)}


def _analysed(items: Iterable[Item]) -> dict[str, float]:
    """``analysisCostBreakdown``: of each question, and of all of it in tokens."""
    found = dict[str, float]()
    for item in items:
        if item["type"] == "analysis" and "analysisType" in item:
            name = item["analysisType"]
            found[name] = item["cost"]
            found[f"{name}PromptTokens"] = item.get("promptTokens", 0)
            found[f"{name}CompletionTokens"] = item.get("completionTokens", 0)
    return found


def priced(body: JsonObject, leg: str) -> bool:
    """Whether the carrier has told what it takes for this leg."""
    return any(each.get("told", {}).get("leg") == leg for each in body.get("costs", ()))


def of_legs(body: JsonObject, news: Iterable[CallEvent], provider: str, rates: Rates) -> JsonDict:
    """The body's cost fields after these events; empty where none of them tells a price."""
    changed: JsonDict = {}
    for event in news:
        if "price" in event.data:
            item = transport(provider, event.data, rates)
            changed = add({**body, **changed}, item)
    return changed


def transport(provider: str, facts: JsonObject, rates: Rates) -> Item:
    """A leg's item, from the facts ``price`` and ``durationSeconds`` of an event."""
    told = facts["price"]
    dollars = Decimal(told["amount"]) * _rate(told["currency"], rates)
    minutes = Decimal(facts.get("durationSeconds") or 0) / 60
    return {
        "type": "transport",
        "provider": provider,
        "minutes": float(minutes.quantize(MINUTE)),
        "cost": float(dollars.quantize(PLACES)),
        "told": dict(told),
    }


def without_rate(news: Iterable[CallEvent], rates: Rates, now: datetime) -> list[CallEvent]:
    """A note per currency that cannot be converted, for the call's event log."""
    told = {event.data["price"]["currency"] for event in news if "price" in event.data}
    return [
        CallEvent(
            EventKind.NOTE,
            at=now,
            key=f"no-rate:{currency}",
            data={"what": "no-rate", "currency": currency, "error": _advice(currency)},
        )
        for currency in sorted(told - rates.keys() - {USD})
    ]


def _advice(currency: str) -> str:
    return (
        f"CURRENCY_RATES has no {currency}: the price is kept as it was told, and counts as 0 USD"
    )


def _rate(currency: str, rates: Rates) -> Decimal:
    return Decimal(1) if currency == USD else rates.get(currency, Decimal(0))


def _same(one: Item, other: Item) -> bool:
    return None not in (_key(one), _key(other)) and _key(one) == _key(other)


def _key(item: Item) -> tuple[str, ...] | None:
    """What there is one item of; None: every item stands for itself."""
    leg, stream = item.get("told", {}).get("leg"), item.get("stream")
    if stream is not None:
        part = item.get(item["type"])
        name = part.get("model") if isinstance(part, Mapping) else None
        return item["type"], stream, str(name)
    own = leg if leg is not None else item.get("analysisType")
    return None if own is None else (item["type"], own)


def _sum(items: Iterable[Item], kind: str, field: str) -> Decimal:
    values = (_decimal(item.get(field, 0)) for item in items if item["type"] == kind)
    return sum(values, Decimal(0))


def _decimal(number: float) -> Decimal:
    """As JSON writes it, not as its bits are."""
    return Decimal(str(number))
