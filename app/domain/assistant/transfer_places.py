"""The destinations of an assistant, tool or phone number, wherever they are. Pure.

Tools, hooks, keypad menus and fallbacks have some. Each is judged by the same rule.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import NamedTuple

from app.domain.assistant import transfer_plan
from app.domain.assistant.fields import FREE, Json
from app.domain.assistant.liquid.text import has_template
from app.domain.assistant.transfer_plan import Mode
from providers.base.carrier import Carrier
from providers.base.instructions import Brief, Fetch

KINDS = ("number", "sip")
"""``type`` of a destination that a leg is connected to."""
PLAN, HEADERS = "transferPlan", "sipHeaders"
ANY_URL = "https://patchbay.example/"
ONLY_TWIML = f"for `{Mode.TWIML}` only"


class Place(NamedTuple):
    """A destination with a plan or with headers. ``path``: with a point at its end."""

    path: str
    destination: Json


def places(body: Json) -> Iterator[Place]:
    """In the order of the body."""
    waiting: list[tuple[str, object]] = [("", body)]
    while waiting:
        path, given = waiting.pop()
        if isinstance(given, Mapping):
            if given.get("type") in KINDS and (PLAN in given or HEADERS in given):
                yield Place(path, given)
            inner = [(f"{path}{name}.", each) for name, each in given.items() if name not in FREE]
        elif isinstance(given, list):
            inner = [(f"{path}{number}.", each) for number, each in enumerate(given)]
        else:
            continue
        waiting += reversed([(at, each) for at, each in inner if isinstance(each, Mapping | list)])


def problems(body: Json) -> Iterator[str]:
    """Why a transfer to one of them would be refused, whatever the call."""
    for place in places(body):
        if found := transfer_plan.problem(place.destination):
            yield f"{place.path}{found}"


def carrier_problems(known: Iterable[Place], carrier: Carrier) -> Iterator[str]:
    """The same for a call of this carrier."""
    for place in known:
        if has_template(transfer_plan.read(place.destination).twiml):
            continue  # it is judged once it is rendered
        if found := twiml_problem(place.destination, carrier):
            yield f"{place.path}{found}"


def twiml_problem(destination: Json, carrier: Carrier) -> str | None:
    """Why the carrier cannot run the destination's ``twiml``. Its own part that writes it judges."""
    twiml = transfer_plan.read(destination).twiml
    if not twiml:
        return None
    try:
        carrier.markup.answer([Brief(twiml, ANY_URL), Fetch(ANY_URL)])
    except ValueError as error:
        return f"{PLAN}.twiml: {error}"
    return None


def without_effect(
    known: Iterable[Place], carrier: Carrier | None = None
) -> Iterator[tuple[str, str]]:
    """Paths and reasons of a plan's fields that change nothing. None: with any carrier."""
    for place in known:
        plan = place.destination.get(PLAN)
        if not isinstance(plan, Mapping):
            continue
        if plan.get("twiml") and plan.get("mode") != Mode.TWIML:
            yield f"{place.path}{PLAN}.twiml", ONLY_TWIML
        if why := verb_problem(place.destination, carrier):
            yield f"{place.path}{PLAN}.sipVerb", why


def verb_problem(destination: Json, carrier: Carrier | None = None) -> str | None:
    """Why the destination is dialled in spite of its ``sipVerb``, as a clause; None if it is not."""
    plan = transfer_plan.read(destination)
    if plan.verb is transfer_plan.Verb.DIAL:
        return None
    if plan.is_warm:
        return "an operator is dialled before the caller comes"
    if plan.verb is transfer_plan.Verb.REFER and destination.get("type") != "sip":
        return "a number is dialled: a REFER needs a SIP address"
    if plan.verb is transfer_plan.Verb.REFER and carrier is not None and not carrier.refers:
        return f"{carrier.name} sends no REFER: the destination is dialled"
    return None
