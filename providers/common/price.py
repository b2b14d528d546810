"""What a carrier takes for one leg, as the fact ``price`` of an event's data.

Kept as the carrier tells it, in its own currency; ``app/domain/costs/items.py`` makes dollars of it.
"""

from __future__ import annotations

import re
from decimal import Decimal

AMOUNT = re.compile(r"-?[0-9]{1,12}(\.[0-9]{1,12})?")
CURRENCY = re.compile(r"[A-Z]{3}")


def amount(text: object) -> Decimal | None:
    """A carrier's amount, which comes as text. None where it tells none, or nothing readable."""
    written = str(text).strip()
    return Decimal(written) if AMOUNT.fullmatch(written) else None


def fact(value: Decimal | None, currency: object, leg_ref: object) -> dict[str, dict[str, str]]:
    """``{"price": {"amount", "currency", "leg"}}``; empty where nothing was told.

    ``amount`` is text, so that nothing is rounded; more than 0 is paid to the carrier.
    """
    unit = str(currency or "").upper()
    if value is None or not leg_ref or not CURRENCY.fullmatch(unit):
        return {}
    return {"price": {"amount": f"{value + 0:f}", "currency": unit, "leg": str(leg_ref)}}
