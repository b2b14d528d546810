"""A carrier's price for one leg, as the fact ``price`` of an event's data.

The amount stays in the carrier's currency; ``app/domain/costs/items.py`` converts it to USD.
"""

from __future__ import annotations

import re
from decimal import Decimal

AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
CURRENCY = re.compile(r"[A-Z]{3}")


def amount(text: object) -> Decimal | None:
    """A carrier's amount, which comes as text. None where it is absent or unreadable."""
    written = str(text).strip()
    return Decimal(written) if AMOUNT.fullmatch(written) else None


def fact(value: Decimal | None, currency: object, leg_ref: object) -> dict[str, dict[str, str]]:
    """``{"price": {"amount", "currency", "leg"}}``; empty without a price.

    ``amount`` is text, so that it is not rounded. A positive amount is paid to the carrier.
    """
    unit = str(currency or "").upper()
    if value is None or not leg_ref or not CURRENCY.fullmatch(unit):
        return {}
    return {"price": {"amount": f"{value + 0:f}", "currency": unit, "leg": str(leg_ref)}}
