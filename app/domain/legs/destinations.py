"""The check of every number and SIP URI that a leg may be connected to.

The same rules hold for a customer to dial and for a destination to forward to.
Both cost money and cannot be undone, so a destination that is not clearly allowed is refused.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from typing import Any

from app.domain.assistant import transfer_plan
from app.domain.assistant.words import words_of
from app.domain.calls.record import CallTx
from app.domain.legs.number_plan import countries_of, country_of_code, is_costly
from app.settings import Settings
from app.store import accounts
from providers.common.e164 import E164, dialled, unchecked
from providers.common.json_types import JsonObject

NORTH_AMERICAN = re.compile(r"\+1[2-9]\d{9}", re.ASCII)
SIP = re.compile(
    r"sips?:([A-Za-z0-9._~*+-]{1,64})@([A-Za-z0-9.-]{1,200})(:\d{1,5})?(;transport=(udp|tcp|tls))?",
    re.ASCII,
)
# https://www.rfc-editor.org/rfc/rfc3966#section-5.1.1 (what separates digits, and means nothing)
SEPARATORS = str.maketrans("", "", "-.")
EXTENSION = re.compile(r"[0-9*#wW,]{1,10}", re.ASCII)
MAX_MESSAGE = 1000
COMES_BACK = "is a number of your own: the call would come back to us"
COSTS_MORE = "is in a premium, shared-cost, personal or service range"


def problem(tx: CallTx, destination: JsonObject) -> str | None:
    """Why the call may not be forwarded to it, as a sentence for the client; None if it may."""
    return _shape(destination) or _place(tx, destination, "destination")


def customer_problem(tx: CallTx) -> str | None:
    """Why the customer may not be dialled; None if allowed. It must have a number or SIP URI."""
    customer = tx.call.facts.customer
    kind = "sip" if customer.get("sipUri") else "number"
    return _place(tx, {**customer, "type": kind}, "customer")


def address(destination: JsonObject) -> str:
    """The E.164 number or SIP URI of a destination that passed the check."""
    return number_of(destination) if destination["type"] == "number" else destination["sipUri"]


def number_of(party: JsonObject) -> str:
    """The number to dial. With ``numberE164CheckEnabled`` off it is the one that is meant.

    Empty: there is none.
    """
    number = str(party.get("number") or "")
    return unchecked(number) if party.get("numberE164CheckEnabled") is False else number


def first_words(destination: JsonObject) -> str | None:
    """What the caller hears first: a text, or Vapi's message with its ``content``."""
    return words_of(destination.get("message"))


def sip_headers(destination: JsonObject, briefing: str | None) -> dict[str, str]:
    """The headers that a SIP destination gets; with the summary, where the plan says so."""
    if destination["type"] != "sip":
        return {}
    wanted = transfer_plan.read(destination).mode is transfer_plan.Mode.BLIND_SUMMARY
    return transfer_plan.sip_headers(destination, briefing or "" if wanted else "")


def keys(extension: str) -> str:
    """The extension with the pauses that ``providers`` take: a ``w`` is half a second."""
    return extension.replace(",", "w").replace("W", "ww")


def _place(tx: CallTx, destination: JsonObject, name: str) -> str | None:
    """Why the number or SIP URI is not allowed. ``name`` is the object's name in the request."""
    problem = place_problem(tx.context.settings, destination, _own(tx))
    return f"{name}.{problem}" if problem else None


def place_problem(settings: Settings, place: JsonObject, own: Collection[str]) -> str | None:
    """Why the number or SIP URI of this type is not allowed. ``own``: the organisation's numbers."""
    if place["type"] == "sip":
        return _sip(settings, place, own)
    return number_problem(settings, number_of(place), own)


def _own(tx: CallTx) -> Collection[str]:
    """The organisation's own numbers, which would route the call back to us."""
    numbers = {tx.call.facts.number, *accounts.org_numbers(tx.conn, tx.call.org_id)}
    return {number for number in numbers if number}


def _shape(destination: JsonObject) -> str | None:
    """Why the fields are not valid. A client's server may send a destination unchecked."""
    if destination.get("type") not in ("number", "sip"):
        return "destination.type must be one of the following values: number, sip"
    wrong = next((name for name, ok in CHECKS.items() if not ok(destination.get(name))), None)
    if wrong:
        return f"destination.{wrong} is not valid"
    problem = transfer_plan.problem(destination, rendered=True)
    return f"destination.{problem}" if problem else None


def number_problem(settings: Settings, number: str, own: Collection[str] = ()) -> str | None:
    """Why this number may not be dialled, without the name of the request's object."""
    if not E164.fullmatch(number):
        return "number must be a valid phone number in the E.164 format"
    if number.startswith("+1") and not NORTH_AMERICAN.fullmatch(number):
        return "number is no North American number"
    if number in own:
        return f"number {COMES_BACK}"
    countries = countries_of(number)
    if countries and is_costly(number):
        return f"number {COSTS_MORE}"
    if not _allowed(settings, own).intersection(countries):
        where = next(iter(countries), "no country")
        return f"number is of {where}, which the setting ALLOWED_COUNTRIES does not list"
    return None


def _allowed(settings: Settings, own: Collection[str]) -> set[str]:
    """The allowed ISO codes. An empty setting allows the countries of the own numbers."""
    listed = settings.allowed_countries
    if not listed:
        return {country for number in own for country in countries_of(number)}
    codes = {code: country_of_code(code) for code in listed if code.startswith("+")}
    return {codes.get(word) or word for word in listed}


def _sip(settings: Settings, destination: JsonObject, own: Collection[str]) -> str | None:
    match = SIP.fullmatch(str(destination.get("sipUri")))
    if match is None:
        return "sipUri must be like sip:user@host"
    host = match[2].lower()
    if host not in settings.allowed_sip_hosts:
        return f"sipUri host {host!r} is not in the setting ALLOWED_SIP_HOSTS"
    number = dialled(match[1].translate(SEPARATORS))
    if number in own:
        return f"sipUri {COMES_BACK}"
    return f"sipUri {COSTS_MORE}" if number and is_costly(number) else None


def _is_text(value: Any) -> bool:
    return value is None or (isinstance(value, str) and len(value) <= MAX_MESSAGE)


def _is_message(value: Any) -> bool:
    return _is_text(value) or (
        isinstance(value, Mapping) and _is_text(first_words({"message": value}))
    )


CHECKS: Mapping[str, Callable[[Any], bool]] = {
    "extension": lambda value: (
        not value or (isinstance(value, str) and bool(EXTENSION.fullmatch(value)))
    ),
    "callerId": lambda value: not value or bool(E164.fullmatch(str(value))),
    "message": _is_message,
    "description": _is_text,
    "onFailure": lambda value: value in (None, "", "return", "end"),
}
"""The fields that are read, with our own ``onFailure``: ``return`` or ``end``. Others are free.

``return`` brings the caller back to the assistant.
"""
