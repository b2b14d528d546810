"""A phone number as the log shows it: masked, or whole where the operator wants it so."""

from __future__ import annotations

from app.settings import Settings
from providers.common.e164 import E164
from providers.common.json_types import JsonObject

BEGIN, END = 4, 2
"""Characters of a number that the log shows: the first, with its plus, and the last."""


def shown(settings: Settings, party: JsonObject) -> str:
    """The number's country and its last digits, or the kind of the address."""
    number, uri, full = party.get("number"), party.get("sipUri"), settings.log_numbers == "full"
    if isinstance(number, str) and E164.fullmatch(number):
        hidden = "*" * (len(number) - BEGIN - END)
        return number if full else f"{number[:BEGIN]}{hidden}{number[-END:]}"
    if not uri:
        return "no phone number"
    return str(uri) if full else "a SIP URI"
