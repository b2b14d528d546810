"""A request with ``customers``: a call for each of them, in a transaction of its own.

A customer who cannot be called is an error of the response, and the others are called. A repeated
request with the same Idempotency-Key makes only the calls that are missing.
"""

from __future__ import annotations

from collections.abc import Callable

from app.domain.errors import Invalid, TooMany
from app.domain.overlay import merge
from providers.common.json_types import JsonDict, JsonObject

OVERRIDES = frozenset({"assistantOverrides", "squadOverrides"})


def create_all(body: JsonObject, create: Callable[[int, JsonObject], JsonDict]) -> JsonDict:
    """``{"results", "errors"}``. ``create`` makes the call of one customer, by its number."""
    results: list[JsonDict] = []
    errors: list[JsonDict] = []
    for number, customer in enumerate(body["customers"]):
        try:
            results.append(create(number, one_of(body, customer)))
        except (Invalid, TooMany) as error:
            errors.append({"customer": _bare(customer), "error": str(error)})
    return {"results": results, "errors": errors}


def one_of(body: JsonObject, customer: JsonObject) -> JsonDict:
    """The request for one customer, whose overrides are merged over the request's own."""
    one = {name: value for name, value in body.items() if name != "customers"}
    one["customer"] = _bare(customer)
    for name in sorted(OVERRIDES):
        if customer.get(name):
            one[name] = merge(one.get(name) or {}, customer[name])
    return one


def key_of(key: str, number: int) -> str:
    """The idempotency key of one call. The first call's is the request's.

    So a key that made one call makes no batch. A client's key has no control characters.
    """
    return f"{key}\0{number}" if number else key


def _bare(customer: JsonObject) -> JsonDict:
    return {name: value for name, value in customer.items() if name not in OVERRIDES}
