"""The vendors' prices: the shipped list prices, with the operator's own merged over them.

An item of usage becomes an item of cost (``costs/items.py``). An item without a known price
costs 0 and has ``priceKnown`` false.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from decimal import Decimal
from fnmatch import fnmatchcase
from functools import cache
from pathlib import Path
from typing import Any

from app.domain.costs.items import PLACES
from app.domain.overlay import merge
from app.settings import SettingsError
from providers.common.json_types import JsonDict, JsonObject

SHIPPED = Path(__file__).with_name("prices.json")
MILLION = Decimal(1_000_000)
KINDS = ("model", "voice", "transcriber")
"""Types of items with a vendor's price; ``analysis`` has the price of its model."""
UNITS: Mapping[str, Mapping[str, Decimal]] = {
    "model": {
        "promptTokens": MILLION,
        "completionTokens": MILLION,
        "cachedPromptTokens": MILLION,
        "promptAudioTokens": MILLION,
        "completionAudioTokens": MILLION,
        "cachedPromptAudioTokens": MILLION,
    },
    "voice": {"characters": MILLION},
    "transcriber": {"minutes": Decimal(1)},
}
"""The counted unit of each kind, and how many units one price covers."""

INSTEAD: Mapping[str, str] = {
    "cachedPromptTokens": "promptTokens",
    "promptAudioTokens": "promptTokens",
    "completionAudioTokens": "completionTokens",
    "cachedPromptAudioTokens": "promptAudioTokens",
}
"""A unit -> the one whose price it has where a list names none."""

Item = JsonObject


class VendorPrices:
    """``table``: kind -> Vapi's provider -> model, or a pattern of models -> price."""

    def __init__(self, table: JsonObject) -> None:
        self._table = table

    def item(self, usage: Item) -> JsonDict:
        """``usage`` (``type``, counts, ``model`` or similar) with its ``cost`` in USD."""
        kind = "model" if usage["type"] == "analysis" else usage["type"]
        if kind not in KINDS:
            return {**usage, "cost": 0.0}
        price = self._price(kind, usage.get(kind) or {})
        if price is None:
            return {**usage, "cost": 0.0, "priceKnown": False}
        counts = _apart(usage)
        counted = UNITS[kind].items()
        cost = sum(
            (Decimal(str(counts.get(name, 0))) * price[name] / unit for name, unit in counted),
            Decimal(0),
        )
        return {**usage, "cost": float(cost.quantize(PLACES))}

    def names(self, kind: str, provider: str) -> list[str]:
        """The models of a provider that have a price of their own, without the patterns."""
        return [name for name in self._table.get(kind, {}).get(provider, {}) if "*" not in name]

    def _price(self, kind: str, part: JsonObject) -> dict[str, Decimal] | None:
        of_vendor = self._table.get(kind, {}).get(part.get("provider"), {})
        name = str(part.get("model") or part.get("voiceId") or "")
        fits = [pattern for pattern in of_vendor if fnmatchcase(name, pattern)]
        if not fits:
            return None
        best = of_vendor[name if name in fits else max(fits, key=len)]
        prices = best if isinstance(best, Mapping) else dict.fromkeys(UNITS[kind], best)
        return {unit: Decimal(str(_price_of(prices, unit))) for unit in UNITS[kind]}


def _price_of(prices: Mapping[str, Any], unit: str) -> Any:
    while unit not in prices and unit in INSTEAD:
        unit = INSTEAD[unit]
    return prices.get(unit, 0)


def _apart(usage: Item) -> Item:
    """The counts with each token in one of them. An item's totals hold cached ones and sound too."""
    if "promptAudioTokens" not in usage:
        return usage
    cached_sound = usage.get("cachedPromptAudioTokens", 0)
    cached_text = max(0, usage.get("cachedPromptTokens", 0) - cached_sound)
    sound, spoken = usage["promptAudioTokens"], usage.get("completionAudioTokens", 0)
    return {
        "promptTokens": max(0, usage["promptTokens"] - sound - cached_text),
        "completionTokens": max(0, usage["completionTokens"] - spoken),
        "cachedPromptTokens": cached_text,
        "promptAudioTokens": max(0, sound - cached_sound),
        "completionAudioTokens": spoken,
        "cachedPromptAudioTokens": cached_sound,
    }


@cache
def shipped() -> VendorPrices:
    """The list prices of ``costs/prices.json``."""
    return VendorPrices(_shipped())


def over(own: JsonObject | None) -> VendorPrices:
    """The operator's prices merged over the shipped ones. Raises ``SettingsError``."""
    if own is None:
        return shipped()
    for problem in _problems(own):
        raise SettingsError(f"PRICES_FILE: {problem}")
    return VendorPrices(merge(_shipped(), own))


def _shipped() -> JsonDict:
    found: JsonDict = json.loads(SHIPPED.read_text())
    return found


def _problems(own: JsonObject) -> Iterator[str]:
    for kind in KINDS:
        vendors = own.get(kind, {})
        if not isinstance(vendors, Mapping):
            yield f"{kind} must be an object: provider -> model -> price"
            return
        for vendor, models in vendors.items():
            for model, price in models.items() if isinstance(models, Mapping) else [("", None)]:
                if not _is_price(kind, price):
                    yield f"{kind}.{vendor}.{model} must be a price in USD; see app/domain/costs/prices.json"


def _is_price(kind: str, price: Any) -> bool:
    numbers = list(price.values()) if isinstance(price, Mapping) else [price]
    if isinstance(price, Mapping) and not price.keys() <= UNITS[kind].keys():
        return False
    return all(isinstance(n, int | float) and not isinstance(n, bool) and n >= 0 for n in numbers)
